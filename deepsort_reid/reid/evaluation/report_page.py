"""HTML page of the evaluation report: scores, images and a table of all identities."""

import base64
import html
from collections.abc import Sequence
from dataclasses import dataclass

from deepsort_reid.reid.evaluation.result import ReidResult
from deepsort_reid.reid.evaluation.summary import RANKS, summary, summary_over_identities

STYLE = """
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { margin: 0; background: #f6f7f9; color: #222;
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", "Helvetica Neue", Arial, sans-serif; }
main { max-width: 1240px; margin: 0 auto; padding: 28px 24px 60px; }
h1 { font-size: 25px; margin: 0 0 4px; overflow-wrap: anywhere; }
h1 span { font-weight: 400; color: #666; }
h2 { font-size: 16px; margin: 0 0 10px; }
main > h2 { margin-top: 34px; }
p { margin: 0 0 18px; color: #444; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; background: #fff; }
th, td { padding: 5px 14px; text-align: right; white-space: nowrap;
  border-bottom: 1px solid #e8eaee; }
thead th { color: #666; font-weight: 500; font-size: 13px; background: #fff; }
tr > th:first-child { text-align: left; font-weight: 500; }
.scores { margin-bottom: 26px; }
.scores td { font-size: 18px; }
.images { columns: 2 520px; column-gap: 18px; }
figure { margin: 0 0 18px; padding: 16px; background: #fff; border-radius: 8px;
  border: 1px solid #e2e5ea; break-inside: avoid; }
figure img { display: block; max-width: 100%; height: auto; margin: 0 auto; }
figcaption { margin-top: 10px; color: #555; font-size: 13.5px; }
.scroll { max-height: 480px; overflow: auto; border: 1px solid #e2e5ea; border-radius: 8px;
  width: fit-content; max-width: 100%; }
.scroll thead th { position: sticky; top: 0; box-shadow: 0 1px 0 #e2e5ea; }
"""


@dataclass(frozen=True)
class ReportImage:
    """An image of the report: file name, title and caption."""

    file: str
    title: str
    caption: str


def render_page(
    title: str,
    facts: str,
    result: ReidResult,
    images: Sequence[tuple[ReportImage, bytes]],
    problems: Sequence[str],
) -> str:
    """Render the page as HTML text.

    images: with the content of their PNG files, which are embedded in the page. problems: messages
    about skipped images.
    """
    figures = "".join(_figure(image, png) for image, png in images)
    listed = "".join(f"<li>{html.escape(text)}</li>" for text in problems[:50])
    skipped = f"<h2>Skipped images</h2><ul>{listed}</ul>" if problems else ""
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{html.escape(title)}</title>
<style>{STYLE}</style></head><body><main>
<h1>{html.escape(title)}</h1>
<p>{html.escape(facts)}</p>
{_scores_table(result)}
<div class="images">{figures}</div>
{skipped}
<h2>All identities, lowest average precision first</h2>
{_identity_table(result)}
</main></body></html>
"""


def _figure(image: ReportImage, png: bytes) -> str:
    data = base64.b64encode(png).decode()
    title = html.escape(image.title)
    return (
        f'<figure><h2>{title}</h2><img alt="{title}" src="data:image/png;base64,{data}">'
        f"<figcaption>{html.escape(image.caption)}</figcaption></figure>"
    )


def _scores_table(result: ReidResult) -> str:
    over_queries, over_identities = summary(result), summary_over_identities(result)
    head = "".join(f"<th>{name}</th>" for name in over_queries)
    rows = "".join(
        f"<tr><th>{name}</th>{''.join(f'<td>{value:.1%}</td>' for value in scores.values())}</tr>"
        for name, scores in (("over queries", over_queries), ("over identities", over_identities))
    )
    table = f"<table><thead><tr><th></th>{head}</tr></thead>{rows}</table>"
    return f'<div class="scroll scores">{table}</div>'


def _identity_table(result: ReidResult) -> str:
    ordered = sorted(result.per_identity, key=lambda identity: identity.mean_average_precision)
    rows = "".join(
        f"<tr><th>{html.escape(scores.identity)}</th><td>{scores.queries}</td>"
        + "".join(f"<td>{scores.cmc[min(rank, len(scores.cmc) - 1)]:.0%}</td>" for rank in RANKS)
        + f"<td>{scores.mean_average_precision:.1%}</td>"
        f"<td>{scores.mean_inverse_penalty:.1%}</td></tr>"
        for scores in ordered
    )
    head = "".join(f"<th>rank-{rank}</th>" for rank in RANKS)
    return (
        '<div class="scroll"><table><thead><tr><th>identity</th><th>queries</th>'
        f"{head}<th>AP</th><th>INP</th></tr></thead>{rows}</table></div>"
    )
