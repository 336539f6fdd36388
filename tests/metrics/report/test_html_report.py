import base64
import re
import shutil
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
from tests.metrics import oracle
from tests.metrics.analysis.test_events import walk

# One grey pixel.
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR42mNoAAAAggCBd81ytgAAAABJRU5ErkJggg=="
)


@pytest.fixture
def found(tmp_path: Path) -> list[SequenceAnalysis]:
    """Three scenes with switches and gaps; the name of one is no good HTML."""
    for name, seed in (("A", 0), ("B", 1), ("C", 9)):
        truth, predicted, _ = oracle.random_scene(seed)
        oracle.write_both(tmp_path, name, truth, predicted)
    pairs, _ = pair_files(tmp_path / "gt", tmp_path / "trackers" / "ours")
    pairs[1] = replace(pairs[1], name="B & <b>")
    return [AnalyzeSequence(metrics.ScoringRules())(pair) for pair in pairs]


def strips_of(found: list[SequenceAnalysis]) -> list[SwitchStrip]:
    return [
        SwitchStrip(switch, ((switch.frame, PIXEL), (switch.frame + 1, PIXEL)))
        for switch in worst_switches(found, 2)
    ]


def browser() -> str:
    """Chromium or Chrome; a test that asks for it fails without one."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
    places = ("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",)
    program = next((found for name in (*names, *places) if (found := shutil.which(name))), None)
    if program is None:
        pytest.fail(
            f"no browser to open the report in: looked for {', '.join(names)}; install chromium, "
            "or leave these tests out with -m 'not browser'"
        )
    return program


def opened(page: Path, profile: Path) -> tuple[str, list[str]]:
    """The document after its scripts have run, and what they complained of."""
    done = subprocess.run(
        [
            browser(),
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            f"--user-data-dir={profile}",
            "--host-resolver-rules=MAP * ~NOTFOUND",  # there is no network
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
def test_the_report_opens_in_a_browser_without_errors(
    found: list[SequenceAnalysis], tmp_path: Path
) -> None:
    page = tmp_path / "report.html"
    page.write_text(html_report("A title", found, strips_of(found)), encoding="utf-8")
    document, complaints = opened(page, tmp_path / "profile")
    assert complaints == []
    assert 'data-ready="yes"' in document
    people = len(np.unique(found[0].timeline.person))
    names = re.search(r'<div class="names">(.*?)</div></div>', document)
    assert names is not None
    assert names[1].count("<div>") == people
    assert document.count("<rect") > len(found[0].timeline.person)


@pytest.mark.browser
def test_tables_sort_and_choices_change_the_picture(
    found: list[SequenceAnalysis], tmp_path: Path
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
    text = html_report("A title", found)
    page = tmp_path / "report.html"
    page.write_text(text.replace("</body>", script), encoding="utf-8")
    document, complaints = opened(page, tmp_path / "profile")
    assert complaints == []
    hota = sorted(round(100 * float(each.scores.hota.hota.mean()), 1) for each in found)
    people = sorted(set(found[2].timeline.person.tolist()))
    assert f'"down":{_json(hota[::-1])},"up":{_json(hota)}' in document
    assert '"names":["C","B &amp; &lt;b&gt;","A"]' in document
    assert '"shown":["A","A"]' in document
    assert '"rows":[' + ",".join(f'"{person}"' for person in people) + "]" in document
    assert '"width":"400%"' in document


def _json(values: list[float]) -> str:
    return "[" + ",".join(f"{value:g}" for value in values) + "]"


def test_the_report_needs_no_other_file(found: list[SequenceAnalysis]) -> None:
    text = html_report("A title", found, strips_of(found))
    references = re.findall(r"""(?:src|href)\s*=\s*["']?([^"'>\s]+)""", text)
    assert references
    assert all(reference.startswith("data:") for reference in references)
    assert "@import" not in text
    assert "url(" not in text
    # The name of the SVG language is the one address in it, and nothing is loaded from there.
    assert set(re.findall(r"\w+://[^\s\"'<]+", text)) == {"http://www.w3.org/2000/svg"}


def test_names_of_sequences_cannot_break_the_page(found: list[SequenceAnalysis]) -> None:
    text = html_report("<script>", found)
    assert "<b>" not in text.replace("<b>", "", len(re.findall(r"</span><b>", text)))
    assert "B &amp; &lt;b&gt;" in text
    assert "<title>&lt;script&gt;</title>" in text


def test_a_single_sequence_has_no_combined_row(found: list[SequenceAnalysis]) -> None:
    assert "COMBINED" in html_report("A title", found)
    assert "COMBINED" not in html_report("A title", found[:1])


def test_plots_hold_the_numbers_that_they_show() -> None:
    truth, predicted, frames = oracle.random_scene(0)
    comparison = metrics.compare_boxes(truth, predicted, frames=frames)
    hota = metrics.score(comparison).hota
    curves = threshold_curves(hota)
    assert curves.count("<polyline") == 3
    assert f"HOTA {100 * hota.hota.mean():.1f}" in curves
    counts = metrics.ReidAfterGapCounts(np.array([4, 2, 0, 1, 1]), np.array([3, 2, 0, 0, 1]))
    bars = reid_after_gap_bars(counts)
    for shown in ("3 of 4", "2 of 2", "nobody", "0 of 1", "1 of 1"):
        assert f">{shown}<" in bars


def test_the_timeline_has_a_spell_for_every_change() -> None:
    truth = walk(*[(frame, 4, 0) for frame in (1, 2, 3, 4, 5, 8)], (2, 9, 100))
    predicted = walk((1, 1, 0), (2, 1, 0), (4, 2, 0), (5, 2, 0), (8, 2, 0))
    spells = timeline(metrics.compare_boxes(truth, predicted))
    columns = (spells.person, spells.track, spells.first, spells.last)
    assert list(zip(*(column.tolist() for column in columns), strict=True)) == [
        (4, 1, 1, 2),
        (4, -1, 3, 3),
        (4, 2, 4, 5),
        (4, 2, 8, 8),
        (9, -1, 2, 2),
    ]


def test_the_worst_switch_tears_two_long_stays_apart(tmp_path: Path) -> None:
    truth = walk(*[(frame, 1, 0) for frame in range(1, 31)])
    # Track 1 for 10 frames, a flicker of track 2, and track 3 for the rest.
    ids = [1] * 10 + [2] * 2 + [3] * 18
    predicted = walk(*[(frame, id, 0) for frame, id in zip(range(1, 31), ids, strict=True)])
    oracle.write_both(tmp_path, "A", truth, predicted)
    (pair,), _ = pair_files(tmp_path / "gt", tmp_path / "trackers" / "ours")
    switches = worst_switches([AnalyzeSequence(metrics.ScoringRules())(pair)], 5)
    assert [(each.frame, each.frames_before, each.frames_after) for each in switches] == [
        (11, 10, 2),
        (13, 2, 18),
    ]
    assert worst_switches([AnalyzeSequence(metrics.ScoringRules())(pair)], 1) == switches[:1]
