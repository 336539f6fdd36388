"""The page of the report: scores, tables, pictures in one HTML text."""

import base64
import html
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from deepsort_reid.reid.evaluation.result import ReidResult

RANKS = (1, 5, 10, 20)

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
.pictures { columns: 2 520px; column-gap: 18px; }
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
    """A picture of the report: its file and what it shows."""

    file: str
    title: str
    text: str


def summary(result: ReidResult) -> dict[str, float]:
    """The scores of the head of the table: rank-1 ... rank-20, mAP and mINP, all in [0, 1]."""
    last = len(result.cmc) - 1
    scores = {f"rank-{rank}": float(result.cmc[min(rank, last)]) for rank in RANKS}
    return scores | {"mAP": result.mean_average_precision, "mINP": result.mean_inverse_penalty}


def summary_over_identities(result: ReidResult) -> dict[str, float]:
    """The same scores with every person counting once, however many queries there are."""
    people = result.per_identity
    last = len(result.cmc) - 1
    cmc = np.mean([person.cmc for person in people], axis=0)
    scores = {f"rank-{rank}": float(cmc[min(rank, last)]) for rank in RANKS}
    return scores | {
        "mAP": float(np.mean([person.mean_average_precision for person in people])),
        "mINP": float(np.mean([person.mean_inverse_penalty for person in people])),
    }


def render_page(
    title: str,
    facts: str,
    result: ReidResult,
    pictures: Sequence[tuple[ReportImage, bytes]],
    problems: Sequence[str],
) -> str:
    """The whole page; each picture comes with its PNG, which the page then holds."""
    figures = "".join(_figure(picture, png) for picture, png in pictures)
    listed = "".join(f"<li>{html.escape(text)}</li>" for text in problems[:50])
    left_out = f"<h2>Left out</h2><ul>{listed}</ul>" if problems else ""
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{html.escape(title)}</title>
<style>{STYLE}</style></head><body><main>
<h1>{html.escape(title)}</h1>
<p>{html.escape(facts)}</p>
{_scores_table(result)}
<div class="pictures">{figures}</div>
{left_out}
<h2>Person by person, the hardest first</h2>
{_people_table(result)}
</main></body></html>
"""


def _figure(picture: ReportImage, png: bytes) -> str:
    data = base64.b64encode(png).decode()
    title = html.escape(picture.title)
    return (
        f'<figure><h2>{title}</h2><img alt="{title}" src="data:image/png;base64,{data}">'
        f"<figcaption>{html.escape(picture.text)}</figcaption></figure>"
    )


def _scores_table(result: ReidResult) -> str:
    over_queries, over_identities = summary(result), summary_over_identities(result)
    head = "".join(f"<th>{name}</th>" for name in over_queries)
    rows = "".join(
        f"<tr><th>{name}</th>{''.join(f'<td>{value:.1%}</td>' for value in scores.values())}</tr>"
        for name, scores in (("over queries", over_queries), ("over people", over_identities))
    )
    table = f"<table><thead><tr><th></th>{head}</tr></thead>{rows}</table>"
    return f'<div class="scroll scores">{table}</div>'


def _people_table(result: ReidResult) -> str:
    ordered = sorted(result.per_identity, key=lambda person: person.mean_average_precision)
    rows = "".join(
        f"<tr><th>{html.escape(person.identity)}</th><td>{person.queries}</td>"
        + "".join(f"<td>{person.cmc[min(rank, len(person.cmc) - 1)]:.0%}</td>" for rank in RANKS)
        + f"<td>{person.mean_average_precision:.1%}</td>"
        f"<td>{person.mean_inverse_penalty:.1%}</td></tr>"
        for person in ordered
    )
    head = "".join(f"<th>rank-{rank}</th>" for rank in RANKS)
    return (
        '<div class="scroll"><table><thead><tr><th>person</th><th>queries</th>'
        f"{head}<th>AP</th><th>INP</th></tr></thead>{rows}</table></div>"
    )
