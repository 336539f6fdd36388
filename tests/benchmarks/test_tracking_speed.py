"""benchmarks/tracking_speed.py on a small crowd."""

import numpy as np
import pytest

from benchmarks import tracking_speed
from benchmarks.lib import (
    evaluation,
    single_core,
    trackeval_adapter,
)
from benchmarks.lib.crowd import crowd
from deepsort_reid.tracking import DeepSort


def test_report_has_a_line_for_each_tracker_and_the_bare_operations(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(single_core, "pin_to_core", lambda: "not pinned in a test")
    assert tracking_speed.main(["--people", "4", "6", "--frames", "25"]) == 0
    text = capsys.readouterr().out
    assert "N = 4: 25 frames" in text
    assert "N = 6: 25 frames" in text
    assert text.count("\nDeepSort()") == 2
    assert text.count("\nas published") == 2
    assert text.count("bare operations") == 2


def test_time_of_a_delayed_tracker_is_printed_as_a_multiple(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(single_core, "pin_to_core", lambda: "not pinned in a test")
    assert tracking_speed.main(["--people", "3", "--frames", "70"]) == 0
    assert "FixedLag(.., 30) takes " in capsys.readouterr().out


def test_all_frames_of_a_delayed_tracker_are_scored() -> None:
    scene, tracker = crowd(4, 50), tracking_speed.TimedFixedLag()
    for detections in scene.detections:
        tracker.step(detections)
    assert len(tracker.seconds) == 50
    assert tracker.reported("unfiltered").frame.max() == 50


def test_every_update_of_every_tracker_is_timed() -> None:
    scene, found = crowd(5, 23), tracking_speed.make_trackers()
    tracking_speed.run(scene, found)
    for tracker in found.values():
        assert len(tracker.seconds) == 23
        assert min(tracker.seconds) >= 0
        assert len(tracker.reported("unfiltered")) == len(tracker.reported("filtered")) > 0


def test_upper_bound_scores_higher_than_a_tracker() -> None:
    scene = crowd(8, 40)
    best = tracking_speed.upper_bound(scene)
    tracked, _ = evaluation.run_tracker(DeepSort(), scene.detections, [{}] * 40)
    ids, found = np.concatenate(scene.true_id), len(best)
    assert found == (ids > 0).sum()
    scores = [
        trackeval_adapter.score_row(
            trackeval_adapter.evaluate_sequence(scene.truth, rows, 40, "plain")
        )
        for rows in (best, tracked)
    ]
    assert scores[0].idf1 > scores[1].idf1
    assert scores[0].hota > scores[1].hota
