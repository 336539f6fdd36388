from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from deepsort_reid import metrics
from deepsort_reid.metrics import EventKind, SwitchCause
from deepsort_reid.structures.mot_rows import MotRows
from tests.metrics import oracle


def moving_boxes(*lines: tuple[int, int, float]) -> MotRows:
    """Boxes of 10 x 10 pixels from (frame, id, left edge); visibility 0.5 in even frames."""
    table = np.array(lines, dtype=float).reshape(-1, 3)
    left = table[:, 2]
    return MotRows(
        frame=table[:, 0],
        id=table[:, 1],
        xyxy=np.column_stack([left, 0 * left, left + 10, 0 * left + 10]),
        visibility=np.where(table[:, 0] % 2 == 0, 0.5, 1.0),
    )


def as_tuples(events: metrics.Events) -> list[tuple[int, ...]]:
    columns = (
        events.kind,
        events.frame,
        events.last_frame,
        events.truth_id,
        events.old_track,
        events.new_track,
        events.gap,
    )
    return [tuple(int(value) for value in line) for line in zip(*columns, strict=True)]


def test_frame_without_any_prediction_does_not_fragment_a_track() -> None:
    # As in TrackEval, so that the rows add up to Frag. The miss is listed.
    truth = moving_boxes((1, 4, 0), (2, 4, 0), (3, 4, 0))
    found = metrics.events(metrics.compare_boxes(truth, moving_boxes((1, 1, 0), (3, 1, 0))), truth)
    assert as_tuples(found) == [(EventKind.MISS, 2, 2, 4, 1, 1, 1)]


def test_events_of_a_scene_equal_the_events_counted_by_hand() -> None:
    truth = moving_boxes(*[(frame, 4, 0) for frame in range(1, 10)])
    predicted = moving_boxes(
        *[(frame, 1, 0) for frame in (2, 3)],  # frame 1 is missed
        *[(frame, 2, 0) for frame in (6, 7)],  # another track after two missed frames
        (9, 2, 0),  # the same track after one missed frame
        *[(frame, 8, 500) for frame in (4, 5, 7, 8)],  # no match, twice
    )
    comparison = metrics.compare_boxes(truth, predicted)
    found = metrics.events(comparison, truth)
    assert as_tuples(found) == [
        (EventKind.MISS, 1, 1, 4, -1, 1, 1),
        (EventKind.MISS, 4, 5, 4, 1, 2, 2),
        (EventKind.FALSE_TRACK, 4, 5, -1, -1, 8, 0),
        (EventKind.SWITCH, 6, 6, 4, 1, 2, 2),
        (EventKind.FRAGMENT, 6, 6, 4, 1, 2, 2),
        (EventKind.FALSE_TRACK, 7, 8, -1, -1, 8, 0),
        (EventKind.MISS, 8, 8, 4, 2, 2, 1),
        (EventKind.FRAGMENT, 9, 9, 4, 2, 2, 1),
    ]
    switch = found.of_kind(EventKind.SWITCH)
    assert (switch.visibility_before[0], switch.visibility_after[0]) == (1.0, 0.5)
    first_miss = found[:1]
    assert np.isnan(first_miss.visibility_before[0])
    assert first_miss.visibility_after[0] == 0.5


@pytest.mark.parametrize("block", range(5))
def test_events_add_up_to_the_clear_counts(block: int) -> None:
    for seed in range(40 * block, 40 * block + 40):
        truth, predicted, frames = oracle.random_scene(seed)
        comparison = metrics.compare_boxes(truth, predicted, frames=frames)
        clear, found = metrics.score(comparison).clear, metrics.events(comparison, truth)
        length = found.last_frame - found.frame + 1
        assert np.count_nonzero(found.kind == EventKind.SWITCH) == clear.switches
        assert np.count_nonzero(found.kind == EventKind.FRAGMENT) == clear.fragments
        assert length[found.kind == EventKind.MISS].sum() == clear.misses
        assert length[found.kind == EventKind.FALSE_TRACK].sum() == clear.false_positives
        assert (np.diff(found.frame) >= 0).all()


def test_reid_after_gap_counts_gaps_by_length() -> None:
    frames = [1, 12, 23, 54, 115, 266, 418]  # gaps of 10, 10, 30, 60, 150 and 151 frames
    truth = moving_boxes(*[(frame, 1, 0) for frame in range(1, 419)])
    ids = [1, 1, 2, 2, 2, 3, 3]
    predicted = moving_boxes(*[(frame, id, 0) for frame, id in zip(frames, ids, strict=True)])
    counts = metrics.reid_after_gap(metrics.compare_boxes(truth, predicted))
    assert counts.num_gaps.tolist() == [2, 1, 1, 1, 1]
    assert counts.same_id.tolist() == [1, 1, 1, 0, 1]
    assert counts.rate.tolist() == [0.5, 1, 1, 0, 1]
    twice = counts + counts
    assert twice.num_gaps.tolist() == [4, 2, 2, 2, 2]
    assert np.isnan(metrics.ReidAfterGapCounts().rate).all()


def test_frames_after_the_last_match_are_not_a_gap() -> None:
    truth = moving_boxes((1, 1, 0), (2, 1, 0), (3, 1, 0), (1, 2, 50), (3, 2, 50))
    predicted = moving_boxes((1, 1, 0), (1, 2, 50), (3, 2, 50))
    counts = metrics.reid_after_gap(metrics.compare_boxes(truth, predicted))
    assert counts.num_gaps.tolist() == [1, 0, 0, 0, 0]
    assert counts.same_id.tolist() == [1, 0, 0, 0, 0]


class FakeRecord:
    """A record with at most one detection per frame and always the same rejection reason."""

    def __init__(self, left: dict[int, float], reason: str) -> None:
        self.left, self.reason = left, reason
        self.queries: list[tuple[int, int, int]] = []

    def detections(self, frame: int) -> np.ndarray:
        x = self.left.get(frame)
        return np.empty((0, 4)) if x is None else np.array([[x, 0.0, x + 10, 10.0]])

    def rejection_reason(self, frame: int, track: int, detection: int) -> str:
        self.queries.append((frame, track, detection))
        return self.reason


def test_cause_is_taken_from_the_first_frame_with_a_detection_of_the_person() -> None:
    truth = moving_boxes(*[(frame, 4, 0) for frame in range(1, 8)])
    predicted = moving_boxes((1, 1, 0), (2, 1, 0), (7, 2, 0))
    comparison = metrics.compare_boxes(truth, predicted)
    found = metrics.events(comparison, truth)
    # Frame 3 has no detection, in frame 4 it is far away, from frame 5 on it is on the person.
    record = FakeRecord({1: 0, 2: 0, 4: 200, 5: 1, 6: 0, 7: 0}, "motion")
    causes = metrics.attribute_switches(found, comparison, truth, record)
    assert record.queries == [(5, 1, 0)]
    assert causes.of_kind(EventKind.SWITCH).cause.tolist() == [SwitchCause.MOTION_GATE]
    assert (causes.cause[causes.kind != EventKind.SWITCH] == SwitchCause.UNKNOWN).all()


def test_cause_without_a_detection_is_a_missed_detection() -> None:
    truth = moving_boxes(*[(frame, 4, 0) for frame in range(1, 5)])
    predicted = moving_boxes((1, 1, 0), (4, 2, 0))
    comparison = metrics.compare_boxes(truth, predicted)
    record = FakeRecord({1: 0}, "expired")
    causes = metrics.attribute_switches(
        metrics.events(comparison, truth), comparison, truth, record
    )
    assert causes.of_kind(EventKind.SWITCH).cause.tolist() == [SwitchCause.MISSED_DETECTION]


def test_causes_are_copied_from_an_event_list_to_the_same_switches_only(
    tmp_path: Path,
) -> None:
    truth = moving_boxes(*[(frame, 4, 0) for frame in range(1, 8)])
    predicted = moving_boxes((1, 1, 0), (2, 1, 0), (4, 2, 0), (7, 3, 0))
    found = metrics.events(metrics.compare_boxes(truth, predicted), truth)
    assert np.count_nonzero(found.kind == EventKind.SWITCH) == 2
    causes = np.where(found.frame == 4, SwitchCause.APPEARANCE, SwitchCause.UNKNOWN)
    causes = np.where(found.kind == EventKind.SWITCH, causes, SwitchCause.UNKNOWN)
    place = tmp_path / "A.events.csv"
    place.write_text(metrics.events_csv({"A": replace(found, cause=causes)}), encoding="utf-8")
    read = metrics.causes_from_csv(found, place)
    assert read.of_kind(EventKind.SWITCH).cause.tolist() == [
        SwitchCause.APPEARANCE,
        SwitchCause.UNKNOWN,
    ]
    others = moving_boxes((1, 1, 0), (2, 1, 0), (4, 9, 0), (7, 3, 0))
    found = metrics.events(metrics.compare_boxes(truth, others), truth)
    assert not metrics.causes_from_csv(found, place).cause.any()


HEADER = (
    "sequence,kind,frame,last_frame,truth_id,old_track,new_track,gap,visibility_before,"
    "visibility_after,cause"
)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a,b\n1,2\n", "1: expected the columns sequence, kind, frame, "),
        (f"{HEADER},mood\n", "1: expected the columns .*, unknown: mood"),
        (f"{HEADER},frame\n", "1: expected the columns .*, repeated: frame"),
        (f"{HEADER}\nA,switch,1,1,1,1,2,0,,,bad luck\n", "2: expected an event list .*'bad luck'"),
    ],
)
def test_file_that_is_not_an_event_list_is_refused_with_its_line(
    tmp_path: Path, text: str, reason: str
) -> None:
    truth = moving_boxes((1, 4, 0), (2, 4, 0))
    found = metrics.events(metrics.compare_boxes(truth, moving_boxes((1, 1, 0), (2, 2, 0))), truth)
    place = tmp_path / "A.events.csv"
    place.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=rf"A\.events\.csv:{reason}"):
        metrics.causes_from_csv(found, place)
