"""An update that ends with an exception, at any line, leaves the tracker as it was before."""

import sys
from collections import deque
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

import deepsort_reid.tracking
from deepsort_reid import DeepSort, DeepSortConfig, Detections, FixedLag, PersonRegistry
from deepsort_reid.tracking import GalleryAppearance, LikelihoodRatio, published
from deepsort_reid.tracking.extras.explain import DecisionLog
from deepsort_reid.tracking.refinement.frame_buffer import BufferedFrame
from deepsort_reid.tracking.refinement.output_ids import OutputIds
from deepsort_reid.tracking.refinement.track_history import TrackHistory
from deepsort_reid.tracking.snapshot import Snapshot
from tests.tracking.scenarios import boxes_at, crowd, orthogonal_embeddings

FOR_UNDO = ("_overwritten", "_updates_before")  # how to undo an update that is not complete
FOLDER = str(Path(deepsort_reid.tracking.__file__).parent)


def one_match():
    """Every match adds a track, an id or a person."""
    return DeepSort(
        DeepSortConfig(n_init=1, max_age=1, class_agnostic=False),
        appearance=GalleryAppearance(budget=3),
    )


TRACKERS = {
    "default": DeepSort,
    "published": published,
    "explained": lambda: DeepSort(DeepSortConfig(max_age=3), explain=True),
    "one match": one_match,
}


def state_of(value):
    """Everything that a tracker holds, as nested tuples that can be compared."""
    if isinstance(value, np.ndarray):
        return value.shape, value.dtype.str, value.tobytes()
    if isinstance(value, DecisionLog):
        return tuple(state_of(value.frame(number)) for number in range(1, len(value) + 1))
    if isinstance(value, PersonRegistry):
        return state_of(value.state_dict())  # what remains is of real time, for the file
    if isinstance(value, BufferedFrame | TrackHistory):
        return tuple(state_of(getattr(value, field.name)) for field in fields(value))
    if isinstance(value, list | tuple | deque):
        return tuple(state_of(item) for item in value)
    if isinstance(value, dict):
        return tuple((k, state_of(item)) for k, item in value.items() if k not in FOR_UNDO)
    if hasattr(value, "__dict__") and not callable(value):
        return type(value).__name__, state_of(vars(value))
    if isinstance(value, DeepSort):
        return state_of(vars(value))
    return repr(value)


class InterruptAtLine:
    """Raises KeyboardInterrupt before the given line of the package that is executed, from 1."""

    def __init__(self, *lines):
        self.count, self.lines = 0, lines

    def __enter__(self):
        self._previous = sys.gettrace()
        sys.settrace(self._trace)
        return self

    def __exit__(self, *_):
        sys.settrace(self._previous)

    def _trace(self, frame, event, _):
        if not frame.f_code.co_filename.startswith(FOLDER):
            return None
        if event == "line":
            self.count += 1
            if self.count in self.lines:
                raise KeyboardInterrupt
        return self._trace


def number_of_lines(tracker, detections):
    with InterruptAtLine() as counter:
        tracker.update(detections)
    return counter.count


def test_package_lines_are_counted():
    assert number_of_lines(DeepSort(), Detections(boxes_at(10))) > 100


@pytest.mark.parametrize("make", TRACKERS.values(), ids=TRACKERS.keys())
def test_interrupt_at_any_line_of_an_update_leaves_the_tracker_unchanged(make):
    frames = list(crowd(27, people=6, classes=2))
    tracker, untouched, counted = make(), make(), make()
    for number, detections in enumerate(frames):
        expected = untouched.update(detections)
        lines = number_of_lines(counted, detections)
        if number % 13 == 12:
            before = state_of(tracker)
            for line in range(1, lines):  # the last line returns the tracks of the finished update
                with pytest.raises(KeyboardInterrupt), InterruptAtLine(line):
                    tracker.update(detections)
                assert state_of(tracker) == before, line
        tracks = tracker.update(detections)
        np.testing.assert_array_equal(tracks.id, expected.id)
        np.testing.assert_array_equal(tracks.xyxy, expected.xyxy)
    assert state_of(tracker) == state_of(untouched)


@pytest.mark.parametrize("make", TRACKERS.values(), ids=TRACKERS.keys())
def test_second_interrupt_while_the_first_is_handled_changes_no_later_update(make):
    frames = list(crowd(24, people=6))
    tracker, untouched, counted = make(), make(), make()
    for number, detections in enumerate(frames):
        untouched.update(detections)
        lines = number_of_lines(counted, detections)
        for line in range(1, lines - 3, 9) if number % 8 == 7 else ():
            for second in (1, 2, 3):
                with pytest.raises(KeyboardInterrupt), InterruptAtLine(line, line + second):
                    tracker.update(detections)
        tracker.update(detections)
    assert state_of(tracker) == state_of(untouched)


def returning_people(frames):
    """Detections of people of whom some are missing for a while, so that tracks are linked."""
    for number, detections in enumerate(crowd(frames, people=5, embedded=True)):
        hidden = 3 * (number // 6) % 5
        yield detections[[row for row in range(len(detections)) if row % 5 != hidden]]


def make_fixed_lag():
    return FixedLag(DeepSort(DeepSortConfig(max_age=3, n_init=2)), 5)


def test_interrupt_in_a_delayed_update_leaves_tracker_and_buffer_unchanged():
    delayed, untouched, counted = make_fixed_lag(), make_fixed_lag(), make_fixed_lag()
    for number, detections in enumerate(returning_people(30)):
        expected = untouched.update(detections)
        lines = number_of_lines(counted, detections)
        if number in (4, 17, 29):
            before = state_of(delayed)
            for line in range(1 + number % 3, lines, 3):  # the last line returns the tracks
                with pytest.raises(KeyboardInterrupt), InterruptAtLine(line, line + 1 + line % 4):
                    delayed.update(detections)
                delayed._undo_update()  # of an update whose end was interrupted again
                assert state_of(delayed) == before, line
        found = delayed.update(detections)
        assert (found is None) == (expected is None)
        if found is not None:
            np.testing.assert_array_equal(found.tracks.id, expected.tracks.id)
            np.testing.assert_array_equal(found.tracks.xyxy, expected.tracks.xyxy)
    assert state_of(delayed) == state_of(untouched)


def test_interrupted_flush_loses_no_frame():
    delayed = make_fixed_lag()
    for detections in returning_people(20):
        delayed.update(detections)
    before = state_of(delayed)
    for line in range(5, 300, 40):
        with pytest.raises(KeyboardInterrupt), InterruptAtLine(line):
            delayed.flush()
        assert state_of(delayed) == before
    assert [number for number, _ in delayed.flush()] == [16, 17, 18, 19, 20]


def test_delayed_update_that_is_refused_changes_nothing():
    delayed = make_fixed_lag()
    for detections in returning_people(9):
        delayed.update(detections)
    before = state_of(delayed)
    with pytest.raises(ValueError, match="embeddings must keep their length"):
        delayed.update(Detections(boxes_at(10), embedding=np.eye(1, 7)))
    assert state_of(delayed) == before


class FailingAssociation(LikelihoodRatio):
    """The default association, which raises in every third call, after its work."""

    calls = 0

    def __call__(self, inputs):
        matching = super().__call__(inputs)
        type(self).calls += 1
        if self.calls % 3 == 0:
            raise KeyboardInterrupt
        return matching


def test_association_that_raises_leaves_the_tracker_unchanged():
    tracker, untouched = DeepSort(association=FailingAssociation()), DeepSort()
    for detections in crowd(60):
        before = state_of(tracker)
        while True:
            try:
                tracks = tracker.update(detections)
                break
            except KeyboardInterrupt:
                assert state_of(tracker) == before
        expected = untouched.update(detections)
        np.testing.assert_array_equal(tracks.id, expected.id)
        np.testing.assert_array_equal(tracks.filtered_xyxy, expected.filtered_xyxy)


def test_embedder_that_raises_leaves_the_tracker_unchanged():
    def embedder(frame, xyxy):
        raise OSError("no device")

    tracker, frame = DeepSort(embedder=embedder), np.zeros((200, 200, 3), np.uint8)
    given = Detections(boxes_at(10), embedding=orthogonal_embeddings(1))
    tracker.update(given, frame=frame)
    before = state_of(tracker)
    with pytest.raises(OSError, match="no device"):
        tracker.update(Detections(boxes_at(12)), frame=frame)
    assert state_of(tracker) == before


def test_objects_that_the_caller_holds_are_updated():
    registry = PersonRegistry()
    tracker = DeepSort(DeepSortConfig(n_init=1), registry=registry, explain=True)
    log = tracker.decision_log
    tracker.update(Detections(boxes_at(10), embedding=orthogonal_embeddings(1)))
    tracker.update(Detections.empty())
    assert (len(log), list(registry.persons)) == (2, [1])
    assert tracker.registry is registry
    assert tracker.decision_log is log


def test_snapshot_restores_the_attributes_of_all_objects():
    first, second = OutputIds(), OutputIds()
    snapshot = Snapshot(first, second)
    first.swap(1, 2)
    second.swap(3, 5)
    snapshot.restore()
    assert (len(first), len(second)) == (0, 0)
