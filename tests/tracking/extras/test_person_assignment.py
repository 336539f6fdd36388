import numpy as np
import pytest

from deepsort_reid import DeepSort, DeepSortConfig, Detections, FixedLag, PersonRegistry
from deepsort_reid.tracking.refinement.fixed_lag import _without_repeated
from tests.tracking.scenarios import boxes_at

SEEN, AWAY = 40, 400  # frames; a track ends in between


def person(number, frame):
    """A detection of one of a few people, whose embedding changes a little from frame to frame."""
    rng = np.random.default_rng([number, frame])
    embedding = np.eye(64)[number] + rng.normal(0, 0.03, 64)
    embedding /= np.linalg.norm(embedding)
    return Detections(boxes_at(200 * number + 2 * (frame % SEEN)), embedding=embedding[None])


def together(*numbers, frame):
    each = [person(number, frame) for number in numbers]
    return Detections(
        np.concatenate([one.xyxy for one in each]),
        embedding=np.concatenate([one.embedding for one in each]),
    )


def walk(tracker, numbers, start, frames=SEEN):
    """Track these people for some frames; returns id -> person of the last one."""
    for frame in range(start, start + frames):
        tracks = tracker.update(together(*numbers, frame=frame))
    return dict(zip(tracks.id.tolist(), tracks.person_id.tolist(), strict=True))


def leave(tracker, frames=AWAY):
    events = []
    for _ in range(frames):
        tracker.update(Detections.empty())
        events += tracker.events
    return events


def without_reuse():
    """A tracker in which a returning person gets a new id."""
    return DeepSort(DeepSortConfig(reuse_ids=False))


def test_returning_person_has_a_new_id_and_the_same_person():
    tracker = without_reuse()
    assert walk(tracker, [1, 2], 0) == {1: 1, 2: 2}
    assert [(event.kind, event.id) for event in leave(tracker)] == [
        *(("lost", 1), ("lost", 2), ("left", 1), ("left", 2)),
    ]
    events = []
    for frame in range(SEEN):
        tracks = tracker.update(together(2, 1, frame=frame))
        events += tracker.events
    persons = dict(zip(tracks.id.tolist(), tracks.person_id.tolist(), strict=True))
    assert sorted(persons) == [3, 4]
    assert sorted(persons.values()) == [1, 2]
    last = {event.id: event.person_id for event in events if event.kind == "reidentified"}
    assert last == persons


def test_without_embeddings_person_is_id_and_the_registry_is_empty():
    tracker = DeepSort()
    for frame in range(10):
        tracks = tracker.update(Detections(boxes_at(3 * frame, 300)))
    assert tracks.person_id.tolist() == tracks.id.tolist() == [1, 2]
    assert tracker.registry.persons == {}


def test_persons_stay_when_the_first_embeddings_come_late():
    tracker = without_reuse()
    for frame in range(200):
        tracker.update(Detections(boxes_at(50, 300) if frame < 50 else boxes_at(300)))
    assert tracker.tracks.id.tolist() == [2]
    for _ in range(SEEN):
        tracks = tracker.update(Detections(boxes_at(300), embedding=np.eye(1, 64)))
    assert (tracks.id.tolist(), tracks.person_id.tolist()) == ([2], [2])


def test_cameras_that_share_a_registry_share_persons():
    registry = PersonRegistry()
    first = DeepSort(registry=registry, camera="door")
    second = DeepSort(registry=registry, camera="hall")
    for frame in range(SEEN):
        at_door = first.update(together(1, 2, frame=frame), time=frame)
    for frame in range(SEEN):
        in_hall = second.update(together(2, 3, frame=frame), time=SEEN + frame)
    assert at_door.person_id.tolist() == [1, 2]
    assert in_hall.id.tolist() == [1, 2]
    assert in_hall.person_id[0] == 2
    assert in_hall.person_id[1] not in (1, 2)


def test_second_tracker_of_a_camera_ends_the_use_of_the_first():
    registry = PersonRegistry()
    first = DeepSort(registry=registry)
    walk(first, [1], 0, 5)
    second = DeepSort(registry=registry)
    assert walk(second, [1], 0, 20) == {1: 1}
    with pytest.raises(ValueError, match="used by another tracker"):
        first.update(person(1, 6))


def test_track_that_begins_beside_another_one_is_another_person():
    """They look the same, and the first one is not matched since the second one has an id."""
    tracker = without_reuse()
    walk(tracker, [1], 0)
    same = person(1, SEEN - 1)
    for frame in range(2):  # tentative
        both = np.concatenate([same.xyxy, boxes_at(900 + frame)])
        tracker.update(Detections(both, embedding=np.repeat(same.embedding, 2, axis=0)))
    for frame in range(2, 60):
        tracks = tracker.update(Detections(boxes_at(900 + frame), embedding=same.embedding))
    assert (tracks.id.tolist(), tracks.person_id.tolist()) == ([2], [2])


def test_time_is_that_of_the_events_and_the_registry():
    tracker = DeepSort()
    for frame in range(5):
        tracker.update(person(1, frame), time=100 + frame / 4)
        if frame == 2:
            assert tracker.events == [("appeared", 1, 1, 3, 100.5)]
    assert tracker.registry.track("camera", 1).last_time == 101
    assert tracker.registry.track("camera", 1).first_time == 100


@pytest.mark.parametrize("time", [np.nan, np.inf, "now", [1]])
def test_time_that_is_no_number_is_refused(time):
    with pytest.raises(ValueError, match="time must be a finite number of seconds"):
        DeepSort().update(person(1, 0), time=time)


def test_clock_that_goes_back_changes_nothing():
    tracker = DeepSort()
    for frame in range(5):
        tracker.update(person(1, frame), time=1000 + frame)
    before = tracker.registry.num_updates("camera")
    with pytest.raises(ValueError, match="must not go back"):
        tracker.update(person(1, 5), time=3)
    assert tracker.registry.num_updates("camera") == before
    assert tracker.update(person(1, 5), time=1005).id.tolist() == [1]


def test_registry_of_another_type_is_refused():
    with pytest.raises(ValueError, match="registry must be a PersonRegistry, got str"):
        DeepSort(registry="people.sqlite")


def test_saved_tracker_knows_the_persons_that_left(tmp_path):
    tracker = without_reuse()
    walk(tracker, [1, 2], 0)
    leave(tracker)
    tracker.save(tmp_path / "state.npz")
    loaded = DeepSort.load(tmp_path / "state.npz")
    assert walk(loaded, [2, 1], 0) == walk(tracker, [2, 1], 0)
    assert sorted(loaded.tracks.person_id.tolist()) == [1, 2]


def test_tracker_with_a_stored_registry_continues_with_it(tmp_path):
    path, file = tmp_path / "people.sqlite", tmp_path / "state.npz"
    with PersonRegistry(path) as registry:
        tracker = DeepSort(registry=registry, camera="door")
        persons = walk(tracker, [1, 2], 0)
        tracker.save(file)
    with pytest.raises(ValueError, match=r"pass registry=PersonRegistry\('.*people.sqlite'\)"):
        DeepSort.load(file)
    with PersonRegistry(path) as registry:
        loaded = DeepSort.load(file, registry=registry)
        assert walk(loaded, [1, 2], SEEN) == persons
        assert len(registry.persons) == 2


def test_second_run_with_the_same_store_knows_the_people_of_the_first(tmp_path):
    with PersonRegistry(tmp_path / "people.sqlite") as registry:
        assert walk(DeepSort(registry=registry), [1, 2], 0) == {1: 1, 2: 2}
    with PersonRegistry(tmp_path / "people.sqlite") as registry:
        assert walk(DeepSort(registry=registry), [2, 3], 0) == {1: 2, 2: 3}


def test_fixed_lag_reports_persons_as_known_when_a_frame_is_emitted():
    delayed = FixedLag(without_reuse(), 30)
    found, events = {}, []
    for frame in range(2 * SEEN + AWAY):
        away = SEEN <= frame < SEEN + AWAY
        lagged = delayed.update(Detections.empty() if away else person(1, frame))
        events += delayed.events
        if lagged is not None:
            found[lagged.number] = lagged.tracks
    for number, tracks in delayed.flush():
        found[number] = tracks
    events += delayed.events
    # In every frame of the second track, the first one included: 30 frames decide about it.
    rows = {n: (t.id.tolist(), t.person_id.tolist()) for n, t in found.items() if len(t)}
    assert list(rows) == [*range(1, SEEN + 1), *range(SEEN + AWAY + 1, 2 * SEEN + AWAY + 1)]
    assert set(map(str, rows.values())) == {"([1], [1])", "([2], [1])"}
    assert [(event.kind, event.id, event.frame) for event in events if event.kind != "left"] == [
        *(("appeared", 1, 1), ("lost", 1, SEEN + 1), ("appeared", 2, SEEN + AWAY + 1)),
        ("reidentified", 2, SEEN + AWAY + 1),
    ]


def test_fixed_lag_without_embeddings_reports_the_id_as_person():
    delayed = FixedLag(DeepSort(), 3)
    for frame in range(12):
        lagged = delayed.update(Detections(boxes_at(3 * frame, 300)))
    np.testing.assert_array_equal(lagged.tracks.person_id, lagged.tracks.id)


class Named:
    """An embedder of a name."""

    def __init__(self, name):
        self.name = name

    def __call__(self, frame, xyxy):
        return np.eye(len(xyxy), 8, dtype=np.float32)


def test_registry_of_another_embedder_is_refused(tmp_path):
    with PersonRegistry(tmp_path / "people.sqlite") as registry:
        DeepSort(embedder=Named("one"), registry=registry)
        DeepSort(embedder=Named("one"), registry=registry, camera="door")
        DeepSort(registry=registry, camera="hall")  # embeddings are given
        with pytest.raises(ValueError, match="expected embeddings of 'one', got those of 'other'"):
            DeepSort(embedder=Named("other"), registry=registry)


def test_state_of_another_embedder_is_refused():
    tracker = DeepSort(embedder=Named("one"))
    walk(tracker, [1], 0, 5)
    with pytest.raises(ValueError, match="with embeddings of 'other', got those of 'one'"):
        DeepSort(embedder=Named("other")).load_state_dict(tracker.state_dict())
    DeepSort(embedder=Named("one")).load_state_dict(tracker.state_dict())


def test_registry_that_is_far_ahead_of_the_saved_tracker_is_refused(tmp_path):
    with PersonRegistry(tmp_path / "people.sqlite") as registry:
        tracker = DeepSort(registry=registry)
        for time, saved in ((1000.0, True), (1050.0, False), (1070.0, False)):
            tracker.update(person(1, 0), time=time)
            if saved:
                tracker.save(tmp_path / "state.npz")
            if time == 1050:
                DeepSort.load(tmp_path / "state.npz", registry=registry)
        with pytest.raises(ValueError, match=r"people.sqlite: .*'camera' is 70 s ahead"):
            DeepSort.load(tmp_path / "state.npz", registry=registry)


def test_filled_row_does_not_repeat_the_person_of_another_row():
    matched = np.array([False, True, False, False])
    persons = _without_repeated(np.array([3, 3, 5, 5]), matched)
    assert persons.tolist() == [0, 3, 5, 0]
