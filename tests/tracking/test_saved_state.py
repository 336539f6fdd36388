"""State of a tracker: saved, loaded, and the same updates afterwards, bit by bit."""

import json
import os
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from deepsort_reid import DeepSort, DeepSortConfig, Detections, FixedLag
from deepsort_reid.tracking import (
    GalleryAppearance,
    LikelihoodRatio,
    Linking,
    MatchingCascade,
    MeanAppearance,
    SizeMotion,
    published,
)
from deepsort_reid.tracking.likelihood_ratio import AppearanceLLR
from tests.tracking.scenarios import alternative_parts, boxes_at, crowd, orthogonal_embeddings
from tests.tracking.test_snapshot import state_of

UPDATES_BEFORE, UPDATES_AFTER = 60, 200


def short_lived():
    """Tracks end soon, so that ids are reused and persons are corrected."""
    return DeepSort(DeepSortConfig(n_init=1, max_age=0))


TRACKERS = {
    "default": DeepSort,
    "published": published,
    "published config": lambda: DeepSort(DeepSortConfig.published()),
    "alternative": alternative_parts,
    "classes": lambda: DeepSort(DeepSortConfig(class_agnostic=False)),
    "short-lived": short_lived,
    "plain output": lambda: DeepSort(
        DeepSortConfig(smooth_boxes=False, common_motion_compensation=False, nsa_kalman=False)
    ),
    "other rules": lambda: DeepSort(
        association=LikelihoodRatio(min_llr=1.0, appearance=AppearanceLLR(llr_cap=2.0)),
        appearance=MeanAppearance(momentum=0.8),
    ),
    "cascade": lambda: DeepSort(
        association=MatchingCascade(motion_weight=0.1), motion=SizeMotion(position_noise=0.1)
    ),
    "explained": lambda: DeepSort(DeepSortConfig(max_age=3), explain=True),
    "lag 0": lambda: FixedLag(DeepSort(), 0),
    "lag 30": lambda: FixedLag(DeepSort(), 30),
    "lag, short-lived": lambda: FixedLag(short_lived(), 6, linking=Linking(min_llr=1.0)),
    "lag, published, explained": lambda: FixedLag(published(explain=True), 5),
}
each_tracker = pytest.mark.parametrize("make", TRACKERS.values(), ids=TRACKERS.keys())


def inputs(frames, embedded=True):
    """Arguments of `update`: a crowd with gaps, a moving camera and varying time steps."""
    rng = np.random.default_rng(7)
    crowded = crowd(frames, people=10, classes=3, embedded=embedded)
    for number, detections in enumerate(crowded):
        if rng.random() < 0.1:
            detections = detections[rng.random(len(detections)) < 0.2]
        camera = np.array([[1, 0, rng.normal()], [0, 1, rng.normal()]])
        yield (
            detections,
            {
                "camera": camera if number % 3 else None,
                "dt": [1.0, 2.0, 0.5][number % 5 if number % 5 < 3 else 0],
                "frame": np.zeros((480, 640, 3), np.uint8) if number > 100 else None,
            },
        )


def bits(output):
    """The result of an update as something that can be compared bit by bit."""
    return state_of([output])


@each_tracker
def test_next_200_updates_of_a_loaded_tracker_equal_those_of_the_saved_one(make, tmp_path):
    tracker, loaded = make(), None
    for number, (detections, options) in enumerate(inputs(UPDATES_BEFORE + UPDATES_AFTER)):
        if number == UPDATES_BEFORE:
            tracker.save(tmp_path / "state.npz")
            loaded = type(tracker).load(tmp_path / "state.npz")
            assert state_of(loaded.state_dict()) == state_of(tracker.state_dict())
        output = tracker.update(detections, **options)
        if loaded is not None:
            assert bits(loaded.update(detections, **options)) == bits(output), number
    assert state_of(loaded.state_dict()) == state_of(tracker.state_dict())
    if isinstance(tracker, FixedLag):
        assert bits(loaded.flush()) == bits(tracker.flush())
    elif tracker.decision_log is not None:
        for number in range(1, UPDATES_BEFORE + UPDATES_AFTER + 1):
            assert bits(loaded.decision_log.frame(number)) == bits(
                tracker.decision_log.frame(number)
            )


@each_tracker
def test_state_can_be_saved_after_every_update(make):
    """Also while there are no tracks, no embeddings and no detections yet."""
    tracker = make()
    steps = [(Detections.empty(), {}), (Detections.empty(), {}), *inputs(12, embedded=False)]
    for detections, options in [*steps, *inputs(30)]:
        loaded = make()
        loaded.load_state_dict(tracker.state_dict())
        expected = tracker.update(detections, **options)
        assert bits(loaded.update(detections, **options)) == bits(expected)


def test_state_dict_is_not_changed_by_later_updates_of_either_tracker():
    tracker = DeepSort()
    steps = list(inputs(80))
    for detections, options in steps[:40]:
        tracker.update(detections, **options)
    state = tracker.state_dict()
    before = state_of(state)
    loaded = DeepSort()
    loaded.load_state_dict(state)
    for detections, options in steps[40:]:
        tracker.update(detections, **options)
        loaded.update(detections, **options)
    assert state_of(state) == before


def test_state_dict_holds_plain_data_only():
    def kinds(value):
        if isinstance(value, dict):
            return {type(key) for key in value} | set().union(*map(kinds, value.values()))
        if isinstance(value, list):
            return set().union(*map(kinds, value))
        return {type(value)}

    tracker = FixedLag(short_lived(), 5)
    for detections, options in inputs(40):
        tracker.update(detections, **options)
    assert kinds(tracker.state_dict()) <= {str, int, float, bool, type(None), np.ndarray}


def test_loaded_tracker_embeds_with_the_given_embedder(tmp_path):
    calls = []

    def embedder(frame, xyxy):
        calls.append(len(xyxy))
        return np.eye(4, dtype=np.float32)[: len(xyxy)]

    frame = np.zeros((200, 200, 3), np.uint8)
    tracker = DeepSort(embedder=embedder)
    tracker.update(Detections(boxes_at(10)), frame=frame)
    tracker.save(tmp_path / "state")
    loaded = DeepSort.load(tmp_path / "state", embedder=embedder)
    loaded.update(Detections(boxes_at(11)), frame=frame)
    lag = FixedLag(tracker)
    lag.save(tmp_path / "state")
    FixedLag.load(tmp_path / "state", embedder=embedder).update(
        Detections(boxes_at(11)), frame=frame
    )
    assert calls == [1, 1, 1]


class OwnRule(LikelihoodRatio):
    """An association of the user."""


def test_own_association_is_passed_to_load(tmp_path):
    path = tmp_path / "state.npz"
    tracker = DeepSort(association=OwnRule())
    tracker.update(Detections(boxes_at(10)))
    tracker.save(path)
    with pytest.raises(ValueError, match="saved with association of class OwnRule: pass assoc"):
        DeepSort.load(path)
    assert len(DeepSort.load(path, association=OwnRule()).tracks) == 1
    with pytest.raises(ValueError, match="same association"):
        DeepSort.load(path, association=LikelihoodRatio())


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (lambda: DeepSort(DeepSortConfig(max_age=5)), "same config: max_age: expected 5, got 120"),
        (published, "same config: "),
        (lambda: DeepSort(association=MatchingCascade()), "same association: expected Matching"),
        (lambda: DeepSort(motion=SizeMotion()), "same motion: "),
        (lambda: DeepSort(appearance=GalleryAppearance()), "same appearance: "),
        (lambda: DeepSort(explain=True), "same explain: expected True, got False"),
        (FixedLag, "expected the settings frames, linking, tracker"),
    ],
)
def test_state_of_a_tracker_with_other_settings_is_refused(other, message):
    tracker = other() if other is not FixedLag else FixedLag(DeepSort())
    before = state_of(tracker.state_dict())
    with pytest.raises(ValueError, match=message):
        tracker.load_state_dict(DeepSort().state_dict())
    assert state_of(tracker.state_dict()) == before


def changed_state(change):
    tracker = DeepSort()
    tracker.update(Detections(boxes_at(10, 60), embedding=orthogonal_embeddings(2)))
    state = tracker.state_dict()
    change(state)
    return state


@pytest.mark.parametrize(
    "change",
    [
        lambda state: state.update(version=99),
        lambda state: state.pop("objects"),
        lambda state: state["objects"].pop("_table"),
        lambda state: state["objects"]["_table"].pop("motion"),
        lambda state: state["objects"]["_table"].update(speed=np.zeros(2)),
        lambda state: state["objects"]["_table"].update(motion=np.zeros((2, 8))),
        lambda state: state["objects"]["_table"].update(id=np.zeros(2)),
        lambda state: state["objects"]["_table"].update(id=[1, 2]),
        lambda state: state["objects"]["_id_assigner"].update(last_id="late"),
        lambda state: state["objects"][""].update(_last_detections={"type": "Secret"}),
        lambda state: state["objects"][""]["_last_detections"]["fields"].pop("xyxy"),
    ],
)
def test_changed_state_is_refused_and_nothing_is_loaded(change):
    tracker = DeepSort()
    tracker.update(Detections(boxes_at(30)))
    before = state_of(tracker.state_dict())
    with pytest.raises(ValueError, match="expected"):
        tracker.load_state_dict(changed_state(change))
    assert state_of(tracker.state_dict()) == before


@pytest.mark.parametrize("given", [None, [], {}, 3, "state.npz"])
def test_other_values_than_a_state_dict_are_refused(given):
    with pytest.raises(ValueError, match="expected a state_dict of DeepSort"):
        DeepSort().load_state_dict(given)


def one_line(error):
    return "\n" not in str(error.value) and len(str(error.value)) < 300


def test_truncated_files_are_refused_with_one_line(tmp_path):
    path = tmp_path / "state.npz"
    tracker = DeepSort()
    for detections, options in inputs(5):
        tracker.update(detections, **options)
    tracker.save(path)
    whole = path.read_bytes()
    for length in range(0, len(whole), 997):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"state\.npz: expected a saved state") as error:
            DeepSort.load(path)
        assert one_line(error)


def test_files_with_a_changed_byte_are_refused_or_load_the_same(tmp_path):
    path = tmp_path / "state.npz"
    tracker = DeepSort()
    tracker.update(Detections(boxes_at(10, 60), embedding=orthogonal_embeddings(2)))
    tracker.save(path)
    whole, expected = path.read_bytes(), state_of(tracker.state_dict())
    for place in range(0, len(whole), 97):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 255]) + whole[place + 1 :])
        try:
            loaded = DeepSort.load(path)
        except ValueError:
            continue
        assert state_of(loaded.state_dict()) == expected


@pytest.mark.parametrize("content", ["text", "npz", "pickle", "compressed", "huge", "deep"])
def test_other_files_are_refused_with_one_line(content, tmp_path):
    path = tmp_path / "other.npz"
    if content == "text":
        path.write_text("frame,id\n" * 99)
    elif content == "npz":
        np.savez(path, frame=np.arange(5))
    elif content == "pickle":
        np.savez(path, json=np.array([{"a": 1}], dtype=object))
    elif content == "compressed":
        np.savez_compressed(path, json=np.zeros(10**7))
    else:
        with zipfile.ZipFile(path, "w") as archive:
            header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,), }"
            npy = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header
            if content == "deep":
                text = np.frombuffer(b"[" * 200_000, dtype=np.uint8)
                np.save(tmp_path / "json.npy", text)
                npy = (tmp_path / "json.npy").read_bytes()
            archive.writestr("json.npy", npy)
    with pytest.raises(ValueError, match=r"other\.npz: expected a saved state") as error:
        DeepSort.load(path)
    assert one_line(error)


def test_missing_file_and_folder_are_reported(tmp_path):
    with pytest.raises(FileNotFoundError, match="none: no such file of a saved state"):
        DeepSort.load(tmp_path / "none")
    with pytest.raises(OSError, match=r"cannot write .*state"):
        DeepSort().save(tmp_path / "none" / "state")
    assert not list(tmp_path.iterdir())


def test_file_of_another_version_or_kind_is_refused(tmp_path):
    path = tmp_path / "state.npz"
    DeepSort().save(path)
    with pytest.raises(ValueError, match="expected the state of FixedLag, got that of DeepSort"):
        FixedLag.load(path)
    with np.load(path) as stored:
        arrays = dict(stored)
    tree = json.loads(arrays["json"].tobytes())
    arrays["json"] = np.frombuffer(json.dumps({**tree, "version": 99}).encode(), dtype=np.uint8)
    np.savez(path, **arrays)
    with pytest.raises(ValueError, match="version 1, got version 99") as error:
        DeepSort.load(path)
    assert one_line(error)


def test_failing_write_leaves_the_earlier_file(tmp_path, monkeypatch):
    path = tmp_path / "state.npz"
    DeepSort().save(path)
    before = path.read_bytes()

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=r"cannot write .*state\.npz \(No space left on device\)"):
        DeepSort().save(path)
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["state.npz"]


def test_state_after_an_interrupted_update_is_the_one_before_it():
    class Stopped(LikelihoodRatio):
        stop = False

        def __call__(self, given):
            if Stopped.stop:
                raise KeyboardInterrupt
            return super().__call__(given)

    tracker = DeepSort(replace(DeepSortConfig(), n_init=1), association=Stopped())
    tracker.update(Detections(boxes_at(10)))
    before = state_of(tracker.state_dict())
    Stopped.stop = True
    with pytest.raises(KeyboardInterrupt):
        tracker.update(Detections(boxes_at(90)))
    assert state_of(tracker.state_dict()) == before
