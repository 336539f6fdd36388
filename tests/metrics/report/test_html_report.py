import base64
import re
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from deepsort_reid import metrics
from deepsort_reid.metrics.analysis.sequence_analysis import AnalyzeSequence, SequenceAnalysis
from deepsort_reid.metrics.analysis.timeline import timeline
from deepsort_reid.metrics.analysis.worst_switches import worst_switches
from deepsort_reid.metrics.report.html_report import SwitchStrip, html_report
from deepsort_reid.metrics.report.svg_plots import reid_after_gap_bars, threshold_curves
from deepsort_reid.metrics.sequences import pair_files
from tests.browsers import find_browser
from tests.metrics import oracle
from tests.metrics.analysis.test_events import moving_boxes

# A PNG file of one grey pixel.
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR42mNoAAAAggCBd81ytgAAAABJRU5ErkJggg=="
)


@pytest.fixture
def analyses(tmp_path: Path) -> list[SequenceAnalysis]:
    """Three scenes with switches and gaps; one name has special characters of HTML."""
    for name, seed in (("A", 0), ("B", 1), ("C", 9)):
        truth, predicted, _ = oracle.random_scene(seed)
        oracle.write_both(tmp_path, name, truth, predicted)
    pairs, _ = pair_files(tmp_path / "gt", tmp_path / "trackers" / "ours")
    pairs[1] = replace(pairs[1], name="B & <b>")
    return [AnalyzeSequence(metrics.ScoringRules())(pair) for pair in pairs]


def strips_of(analyses: list[SequenceAnalysis]) -> list[SwitchStrip]:
    return [
        SwitchStrip(switch, ((switch.frame, PIXEL), (switch.frame + 1, PIXEL)))
        for switch in worst_switches(analyses, 2)
    ]


def opened(page: Path, profile: Path) -> tuple[str, list[str]]:
    """The document after its scripts have run, and the messages on the console."""
    done = subprocess.run(
        [
            find_browser(),
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            f"--user-data-dir={profile}",
            "--host-resolver-rules=MAP * ~NOTFOUND",  # no network
            "--enable-logging=stderr",
            "--virtual-time-budget=4000",
            "--dump-dom",
            page.resolve().as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]


@pytest.mark.browser
def test_report_opens_in_a_browser_without_errors(
    analyses: list[SequenceAnalysis], tmp_path: Path
) -> None:
    page = tmp_path / "report.html"
    page.write_text(html_report("A title", analyses, strips_of(analyses)), encoding="utf-8")
    document, messages = opened(page, tmp_path / "profile")
    assert messages == []
    assert 'data-ready="yes"' in document
    truth_ids = len(np.unique(analyses[0].timeline.truth_id))
    names = re.search(r'<div class="names">(.*?)</div></div>', document)
    assert names is not None
    assert names[1].count("<div>") == truth_ids
    assert document.count("<rect") > len(analyses[0].timeline.truth_id)


@pytest.mark.browser
def test_tables_can_be_sorted_and_controls_change_plots_and_timeline(
    analyses: list[SequenceAnalysis], tmp_path: Path
) -> None:
    script = """
    <script>{
    const table = document.querySelector("table.sortable");
    const column = (n) => [...table.tBodies[0].rows].map((row) => row.cells[n].textContent);
    const click = (n) => table.tHead.rows[0].cells[n].querySelector("button").click();
    click(1);
    const down = column(1).map(Number);
    click(1);
    const up = column(1).map(Number);
    click(0); click(0);
    const names = column(0);
    const change = (id, value, kind) => {
      const control = document.querySelector(id);
      control.value = value;
      control.dispatchEvent(new Event(kind));
    };
    change("#plot-choice", "A", "change");
    const figures = [...document.querySelectorAll("figure[data-sequence]")];
    const shown = figures.filter((each) => !each.hidden).map((each) => each.dataset.sequence);
    change("#timeline-choice", "2", "change");
    change("#timeline-order", "id", "change");
    change("#timeline-zoom", "4", "input");
    const rows = [...document.querySelectorAll("#timeline .names div")].map((e) => e.textContent);
    const width = document.querySelector("#timeline svg").style.width;
    document.body.replaceChildren();
    document.body.textContent = JSON.stringify({ down, up, names, shown, rows, width });
    }</script></body>"""
    text = html_report("A title", analyses)
    # The page forbids scripts that are not its own.
    text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", text)
    page = tmp_path / "report.html"
    page.write_text(text.replace("</body>", script), encoding="utf-8")
    document, messages = opened(page, tmp_path / "profile")
    assert messages == []
    hota = sorted(round(100 * float(each.scores.hota.hota.mean()), 1) for each in analyses)
    truth_ids = sorted(set(analyses[2].timeline.truth_id.tolist()))
    assert f'"down":{_json(hota[::-1])},"up":{_json(hota)}' in document
    assert '"names":["C","B &amp; &lt;b&gt;","A"]' in document
    assert '"shown":["A","A"]' in document
    assert '"rows":[' + ",".join(f'"{truth_id}"' for truth_id in truth_ids) + "]" in document
    assert '"width":"400%"' in document


def _json(values: list[float]) -> str:
    return "[" + ",".join(f"{value:g}" for value in values) + "]"


def test_report_needs_no_other_file(analyses: list[SequenceAnalysis]) -> None:
    text = html_report("A title", analyses, strips_of(analyses))
    references = re.findall(r"""(?:src|href)\s*=\s*["']?([^"'>\s]+)""", text)
    assert references
    assert all(reference.startswith("data:") for reference in references)
    assert "@import" not in text
    assert "url(" not in text
    # The only URL is the namespace of SVG, from which nothing is loaded.
    assert set(re.findall(r"\w+://[^\s\"'<]+", text)) == {"http://www.w3.org/2000/svg"}


def test_sequence_names_are_escaped(analyses: list[SequenceAnalysis]) -> None:
    text = html_report("<script>", analyses)
    assert "<b>" not in text.replace("<b>", "", len(re.findall(r"</span><b>", text)))
    assert "B &amp; &lt;b&gt;" in text
    assert "<title>&lt;script&gt;</title>" in text


def test_single_sequence_has_no_combined_row(analyses: list[SequenceAnalysis]) -> None:
    assert "COMBINED" in html_report("A title", analyses)
    assert "COMBINED" not in html_report("A title", analyses[:1])


def test_plots_are_labelled_with_their_numbers() -> None:
    truth, predicted, frames = oracle.random_scene(0)
    comparison = metrics.compare_boxes(truth, predicted, frames=frames)
    hota = metrics.score(comparison).hota
    curves = threshold_curves(hota)
    assert curves.count("<polyline") == 3
    assert f"HOTA {100 * hota.hota.mean():.1f}" in curves
    counts = metrics.ReidAfterGapCounts(np.array([4, 2, 0, 1, 1]), np.array([3, 2, 0, 0, 1]))
    bars = reid_after_gap_bars(counts)
    for shown in ("3 of 4", "2 of 2", "no gaps", "0 of 1", "1 of 1"):
        assert f">{shown}<" in bars


def test_timeline_has_an_interval_for_every_change_of_track() -> None:
    truth = moving_boxes(*[(frame, 4, 0) for frame in (1, 2, 3, 4, 5, 8)], (2, 9, 100))
    predicted = moving_boxes((1, 1, 0), (2, 1, 0), (4, 2, 0), (5, 2, 0), (8, 2, 0))
    intervals = timeline(metrics.compare_boxes(truth, predicted))
    columns = (
        *(intervals.truth_id, intervals.track_id),
        *(intervals.first_frame, intervals.last_frame),
    )
    assert list(zip(*(column.tolist() for column in columns), strict=True)) == [
        (4, 1, 1, 2),
        (4, -1, 3, 3),
        (4, 2, 4, 5),
        (4, 2, 8, 8),
        (9, -1, 2, 2),
    ]


def test_worst_switch_separates_the_longest_segments(tmp_path: Path) -> None:
    truth = moving_boxes(*[(frame, 1, 0) for frame in range(1, 31)])
    # Track 1 for 10 frames, track 2 for 2 frames and track 3 for 18 frames.
    ids = [1] * 10 + [2] * 2 + [3] * 18
    predicted = moving_boxes(*[(frame, id, 0) for frame, id in zip(range(1, 31), ids, strict=True)])
    oracle.write_both(tmp_path, "A", truth, predicted)
    (pair,), _ = pair_files(tmp_path / "gt", tmp_path / "trackers" / "ours")
    switches = worst_switches([AnalyzeSequence(metrics.ScoringRules())(pair)], 5)
    assert [(each.frame, each.frames_before, each.frames_after) for each in switches] == [
        (11, 10, 2),
        (13, 2, 18),
    ]
    assert worst_switches([AnalyzeSequence(metrics.ScoringRules())(pair)], 1) == switches[:1]
