"""Names of classes: from column "class_name" of the detections to the tracks."""

import numpy as np
import pytest

from deepsort_reid import DeepSort, DeepSortConfig, Detections
from deepsort_reid.structures.class_names import learn_class_names, name_classes
from tests.tracking.scenarios import boxes_at


def run(tracker, names, class_id=None, frames=4, **arguments):
    for _ in range(frames):
        boxes = boxes_at(*range(100, 100 + 200 * len(names), 200))
        tracks = tracker.update(
            Detections(boxes, class_id=class_id, data={"class_name": names}), **arguments
        )
    return tracks


def test_names_are_learned_and_the_earlier_ones_kept():
    first = learn_class_names({}, np.array([0, 2]), ["person", "car"])
    assert first == {0: "person", 2: "car"}
    assert learn_class_names(first, np.array([2]), np.array(["car"])) is first
    second = learn_class_names(first, np.array([7]), ["bus"])
    assert (len(first), second[7]) == (2, "bus")


def test_number_with_two_names_has_none():
    known = learn_class_names({}, np.array([0, 0]), ["person", "car"])
    assert known == {0: None}
    assert learn_class_names(known, np.array([0]), ["person"]) is known
    own = np.array(["person", "car"])
    assert name_classes(known, np.array([0, 0]), own).tolist() == ["person", "car"]
    assert name_classes(known, np.array([0, 1])).tolist() == [None, None]


def test_tracks_have_the_name_of_their_class():
    tracks = run(DeepSort(), ["person", "car"], [0, 2])
    assert tracks.class_id.tolist() == [0, 2]
    assert tracks.data["class_name"].tolist() == ["person", "car"]
    assert [row["class_name"] for row in tracks.to_dicts()] == ["person", "car"]


def test_names_without_numbers_are_those_of_the_detections():
    assert run(DeepSort(), ["person", "car"]).data["class_name"].tolist() == ["person", "car"]


def test_name_follows_the_class_of_the_track_not_of_one_detection():
    tracker = DeepSort(DeepSortConfig(class_agnostic=True))
    run(tracker, ["person"], [0], frames=6)
    tracks = run(tracker, ["car"], [2], frames=1)
    assert tracks.class_id.tolist() == [0]
    assert tracks.data["class_name"].tolist() == ["person"]


def test_name_stays_while_a_track_is_not_detected():
    tracker = DeepSort()
    run(tracker, ["person", "car"], [0, 2])
    assert tracker.tracks.data["class_name"].tolist() == ["person", "car"]
    tracks = tracker.update(Detections(boxes_at(100)))
    assert tracks.data["class_name"].tolist() == ["person"]
    assert tracker.tracks.data["class_name"].tolist() == ["person", "car"]


def test_names_are_part_of_the_state(tmp_path):
    tracker = DeepSort()
    run(tracker, ["person", "car"], [0, 2])
    tracker.save(tmp_path / "state.npz")
    assert DeepSort.load(tmp_path / "state.npz").class_names == {0: "person", 2: "car"}
    tracker.reset()
    assert tracker.class_names == {}


def test_failed_update_learns_no_name():
    def fails(frame, xyxy):
        raise OSError("no network")

    tracker = DeepSort(embedder=fails)
    with pytest.raises(OSError, match="no network"):
        run(tracker, ["person"], frames=1, frame=np.zeros((200, 300, 3), np.uint8))
    assert tracker.class_names == {}


def test_without_names_there_is_no_column():
    assert "class_name" not in DeepSort().update(Detections(boxes_at(100))).data
