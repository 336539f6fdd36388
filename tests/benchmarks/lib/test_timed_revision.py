"""benchmarks/lib/timed_revision.py with this checkout as both revisions."""

from benchmarks import tracking_speed
from benchmarks.lib import single_core, timed_revision
from benchmarks.lib.crowd import crowd
from benchmarks.lib.timed_revision import ROOT, UpdateTimes


def test_every_update_of_both_revisions_is_timed():
    frames = [(each.xyxy, each.score, each.embedding) for each in crowd(5, 7).detections]
    times = timed_revision.compare(frames, ROOT, 3)
    assert [len(each) for each in times] == [7, 7]
    for update in times[0] + times[1]:
        assert update.whole >= update.update >= update.persons > 0


def test_ratio_is_to_the_last_revision():
    times = [[UpdateTimes(2e-3, 1e-3, 5e-4)] * 3, [UpdateTimes(4e-3, 3e-3, 0)] * 3]
    lines = timed_revision.comparison_lines(times, ["new", "old"])
    assert lines[1].split() == ["new", "2.000", "1.000", "0.500", "0.50"]
    assert lines[2].split() == ["old", "4.000", "3.000", "0.000", "1.00"]


def test_unknown_revision_is_one_line(monkeypatch, capsys):
    monkeypatch.setattr(single_core, "pin_to_core", lambda: "not pinned in a test")
    assert tracking_speed.main(["--against", "no-such-revision"]) == 2
    error = capsys.readouterr().err
    assert error.startswith(
        "--against: expected a folder or a git revision, got 'no-such-revision'"
    )
    assert error.count("\n") == 1
