import pickle
import sys
import threading
from copy import deepcopy
from functools import partial

import numpy as np
import pytest

from deepsort_reid.identity import PersonRegistry, Topology
from tests.identity.people import DIM, People, show


def state_of(registry):
    """The state as comparable data."""

    def plain(value):
        if isinstance(value, dict):
            return {key: plain(each) for key, each in value.items()}
        if isinstance(value, list | tuple):
            return [plain(each) for each in value]
        return (value.dtype.str, value.tolist()) if isinstance(value, np.ndarray) else value

    return repr(plain(registry.state_dict()))


def test_new_tracks_are_new_persons_in_the_order_of_their_ids():
    registry, people = PersonRegistry(), People()
    update = show(registry, people, {9: 0, 2: 1, 5: 2})
    assert update.person_id.tolist() == [3, 1, 2]
    assert update.person_id.dtype == np.int64
    assert update.changes == []


def test_person_that_returns_is_recognised():
    registry, people = PersonRegistry(), People()
    show(registry, people, {1: 0, 2: 1}, ended=[1, 2])
    show(registry, people, {}, start=10)
    update = show(registry, people, {3: 1, 4: 5}, start=5000)
    assert update.person_id.tolist() == [2, registry.person_of("door", 4)]
    assert registry.person_of("door", 4) > 2
    assert [track.id for track in registry.history(2)] == [2, 3]


def test_track_that_is_recognised_late_is_reported_as_a_change():
    registry, people = PersonRegistry(), People(noise=0.12)
    show(registry, people, {1: 0, 2: 1}, frames=40, ended=[1, 2])
    update = show(registry, people, {3: 0}, start=100, frames=1)
    assert update.person_id.tolist() == [3]  # one noisy embedding is not enough
    update = show(registry, people, {3: 0}, start=101, frames=40)
    assert update.person_id.tolist() == [1]
    (change,) = update.changes
    assert change[:4] == ("door", 3, 1, 3)
    assert 101 <= change.time < 141
    assert 0.5 < change.probability <= 1
    assert "person 1" in change.reason
    assert 3 not in registry.persons


def test_tracks_of_one_frame_are_two_people_however_alike():
    registry, people = PersonRegistry(), People()
    show(registry, people, {1: 0}, ended=[1])
    update = show(registry, people, {2: 0, 3: 0}, start=100)
    assert sorted(update.person_id.tolist())[0] == 1
    assert len(set(update.person_id.tolist())) == 2


def test_track_cannot_join_a_person_of_which_any_track_was_seen_beside_it():
    registry, people = PersonRegistry(), People()
    show(registry, people, {1: 0}, ended=[1])
    show(registry, people, {2: 0, 3: 1}, start=100, ended=[2])
    assert registry.person_of("door", 2) == 1
    update = show(registry, people, {3: 0}, start=200, frames=100)
    assert update.person_id.tolist() != [1]


def test_tracks_of_a_person_that_appear_together_are_separated():
    registry, people = PersonRegistry(), People()
    show(registry, people, {1: 0, 9: 8}, frames=20)
    assert show(registry, people, {2: 0, 9: 8}, start=20, frames=4).person_id[0] == 1
    update = show(registry, people, {1: 0, 2: 0, 9: 8}, start=24, frames=1)
    assert update.person_id[0] == 1
    assert update.person_id[1] != 1
    (change,) = update.changes
    assert change.id == 2
    assert "seen in one frame with track 1" in change.reason


def test_tracks_at_the_same_time_on_two_cameras_are_two_people_unless_same_place():
    for same_place, expected in (((), 2), ([("door", "hall")], 1)):
        registry, people = PersonRegistry(topology=Topology(same_place=same_place)), People()
        show(registry, people, {1: 0, 2: 5}, frames=20)
        update = show(registry, people, {1: 0}, camera="hall", start=15)
        assert (update.person_id[0] == 1) == (expected == 1)


def test_person_is_recognised_on_the_next_camera():
    registry, people = PersonRegistry(), People()
    show(registry, people, {1: 0, 2: 1})
    update = show(registry, people, {1: 1, 2: 0}, camera="hall", start=30)
    assert update.person_id.tolist() == [2, 1]


@pytest.mark.parametrize(("start", "recognised"), [(12, False), (30, True), (900, False)])
def test_travel_time_limits_when_a_person_can_arrive(start, recognised):
    topology = Topology(travel_time={("door", "hall"): (10, 60)})
    registry, people = PersonRegistry(topology=topology), People()
    show(registry, people, {1: 0, 2: 1}, ended=[1, 2])
    update = show(registry, people, {1: 0}, camera="hall", start=start)
    assert (update.person_id[0] == 1) == recognised


def test_person_seen_elsewhere_meanwhile_may_take_longer_than_the_travel_time():
    topology = Topology(travel_time={("door", "hall"): (10, 60)})
    registry, people = PersonRegistry(topology=topology), People()
    show(registry, people, {1: 0, 2: 1}, ended=[1, 2])
    show(registry, people, {1: 0}, camera="cafe", start=300, ended=[1])
    assert show(registry, people, {1: 0}, camera="hall", start=400).person_id[0] == 1


def test_track_without_embeddings_is_a_person_of_its_own():
    registry = PersonRegistry()
    for time in range(3):
        update = registry.update("door", time, [1, 2], None)
    assert update.person_id.tolist() == [1, 2]
    registry.update("door", 3, [], None, ended=[1, 2])
    assert registry.update("door", 4, [3], None).person_id.tolist() == [3]


def test_zero_row_is_no_embedding():
    registry, people = PersonRegistry(), People()
    embedding = people.embed([0, 1])
    embedding[1] = 0
    registry.update("door", 0, [1, 2], embedding)
    assert [registry.track("door", id).num_embeddings for id in (1, 2)] == [1, 0]


def test_storable_embedding_replaces_those_that_are_not():
    registry, people = PersonRegistry(), People()
    registry.update("door", 0, [1], people.embed([3]), [False])
    registry.update("door", 1, [1], people.embed([3]), [False])
    assert registry.track("door", 1).num_embeddings == 2
    clean = people.embed([0])
    registry.update("door", 2, [1], clean, [True])
    registry.update("door", 3, [1], people.embed([3]), [False])
    assert registry.track("door", 1).num_embeddings == 1
    assert np.allclose(registry.gallery(1).embedding, clean)


def test_id_that_is_matched_again_after_its_end_continues_its_track():
    registry, people = PersonRegistry(), People()
    show(registry, people, {1: 0, 2: 1}, ended=[1])
    number = registry.track("door", 1).num_embeddings
    show(registry, people, {1: 4}, start=50)
    track = registry.track("door", 1)
    assert (track.person_id, track.num_embeddings, track.live) == (1, number + 10, True)
    assert (track.first_time, track.last_time) == (0, 59)


def test_order_of_tracks_does_not_matter():
    results = []
    for reverse in (False, True):
        registry, people = PersonRegistry(), People(noise=0.1)
        shows = ({1: 0, 2: 1, 3: 2}, {4: 2, 5: 0, 6: 7}, {7: 0, 8: 1, 9: 2, 10: 3})
        for number, tracks in enumerate(shows):
            for frame in range(30):
                # Drawn in one order, given in two.
                drawn = people.embed(list(tracks.values()))
                ids = np.array(list(tracks))
                order = slice(None, None, -1 if reverse else 1)
                time = 100 * number + frame
                ended = ids if frame == 29 else ()
                registry.update("door", time, ids[order], drawn[order], ended=ended)
        results.append([registry.person_of("door", id) for id in range(1, 11)])
    assert results[0] == results[1]


def test_add_track_links_ended_tracks():
    registry, people = PersonRegistry(), People()
    assert registry.add_track("door", 0, 5, people.embed([0] * 6)) == 1
    assert registry.add_track("hall", 20, 25, people.embed([1] * 6)) == 2
    assert registry.add_track("hall", 40, 45, people.embed([1] * 6)) == 2
    assert registry.add_track("hall", None, None, people.embed([1] * 6)) == 2
    assert [track.id for track in registry.history(2)] == [1, 2, 3]
    assert registry.add_track("hall", 50, 51, np.zeros((2, DIM))) == 3
    assert registry.add_track("door", 3, 8, people.embed([0] * 6)) == 4  # together with person 1
    with pytest.raises(ValueError, match="were seen in one frame"):
        registry.merge(1, 4)


def test_add_track_takes_prototypes_of_another_registry():
    people = People()
    rows = [people.embed([person] * 6) for person in (0, 1, 0)]
    whole, linked = PersonRegistry(), PersonRegistry()
    for person, embedding in enumerate(rows[:2], start=1):
        assert whole.add_track("door", None, None, embedding) == person
        given = whole.gallery(person)
        add = partial(linked.add_track, "door", None, None, given.embedding)
        assert add(counts=given.counts) == person
        kept = linked.gallery(person)
        assert np.array_equal(kept.counts, given.counts)
        assert np.array_equal(kept.embedding, given.embedding)
        assert linked.track("door", person).num_embeddings == 6
    assert linked.add_track("hall", None, None, rows[2]) == 1


def test_add_track_separates_tracks_that_were_seen_together():
    registry, people = PersonRegistry(), People()
    add = partial(registry.add_track, "door", None, None, counts=[6])
    embedding = people.embed([0])
    assert add(embedding) == 1
    assert add(embedding) == 1
    assert add(embedding, seen_together=[1, 2]) == 2
    with pytest.raises(ValueError, match="were seen in one frame"):
        registry.merge(1, 2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"counts": [1]}, "counts must be numbers from 1 of shape"),
        ({"counts": [1, 0]}, "counts must be numbers from 1 of shape"),
        ({"counts": [1, np.nan]}, "counts must be numbers from 1 of shape"),
        ({"counts": [1, 1], "embedding": np.zeros((2, DIM))}, "got a row of zeros"),
        ({"counts": [1] * 7, "embedding": np.eye(7, DIM)}, "P up to 6"),
        ({"counts": [1], "embedding": np.ones(1)}, "expected|must be prototypes of shape"),
        ({"counts": [1, 1], "seen_together": [9]}, "'door' has no track 9"),
    ],
)
def test_prototypes_that_are_none_are_refused(options, message):
    registry, people = PersonRegistry(), People()
    before = state_of(registry)
    given = {"embedding": people.embed([0, 1])} | options
    with pytest.raises(ValueError, match=message):
        registry.add_track("door", None, None, **given)
    assert state_of(registry) == before


def test_start_camera_begins_ids_and_clock_again():
    registry, people = PersonRegistry(), People()
    show(registry, people, {1: 0, 2: 1})
    assert registry.start_camera("door") == 2
    assert not registry.track("door", 1, run=1).live
    update = show(registry, people, {1: 1, 2: 0})
    assert update.person_id.tolist() == [2, 1]
    assert registry.track("door", 1).first_time >= registry.track("door", 1, run=1).last_time


def test_start_camera_continues_an_earlier_run():
    registry, people = PersonRegistry(), People()
    show(registry, people, {1: 0, 2: 1})
    registry.start_camera("door")
    assert registry.start_camera("door", 1) == 1
    show(registry, people, {1: 0}, start=20)
    assert registry.track("door", 1).last_time == 29
    with pytest.raises(ValueError, match="has no run 7"):
        registry.start_camera("door", 7)


def test_videos_that_are_tracked_one_after_the_other_are_not_simultaneous():
    registry, people = PersonRegistry(), People()
    show(registry, people, {1: 0, 2: 1}, camera="first", frames=20)
    assert show(registry, people, {1: 1, 2: 0}, camera="second").person_id.tolist() == [2, 1]
    assert registry.track("second", 1).first_time == pytest.approx(19, abs=0.01)


def test_videos_that_are_tracked_together_are_simultaneous():
    registry, people = PersonRegistry(), People()
    for time in range(20):
        registry.update("first", time, [1, 2], people.embed([0, 1]))
        registry.update("second", time, [1], people.embed([0]))
    assert registry.person_of("second", 1) not in (1, 2)
    assert registry.track("second", 1).first_time == 0


@pytest.mark.parametrize(("start", "recognised"), [(5, False), (-3600, True)])
def test_seconds_since_1970_are_never_shifted(start, recognised):
    registry, people, now = PersonRegistry(), People(), 1.8e9
    show(registry, people, {1: 0, 2: 1}, camera="first", start=now, frames=20)
    show(registry, people, {1: 0}, camera="second", start=now + start)
    assert registry.track("second", 1).first_time == now + start
    assert (registry.person_of("second", 1) == 1) == recognised


def test_clock_that_goes_back_a_little_is_held():
    registry, people = PersonRegistry(), People()
    registry.update("door", 100.0, [1], people.embed([0]))
    registry.update("door", 98.0, [1], people.embed([0]))
    assert registry.track("door", 1).last_time == 100
    with pytest.raises(ValueError, match="must not go back: got 30 after 100"):
        registry.update("door", 30.0, [1], people.embed([0]))
    assert registry.num_updates("door") == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((7, 0, [1]), "a camera must be named by text, got 7"),
        (("door", float("nan"), [1]), "time of camera 'door' must be a finite number, got nan"),
        (("door", "noon", [1]), "got 'noon'"),
        (("door", 9, [1, 1]), "id must be different numbers from 1"),
        (("door", 9, [0]), "id must be different numbers from 1"),
        (("door", 9, [1.5]), "id must be whole numbers"),
        (("door", 9, [1], np.ones((2, DIM))), r"embedding must have shape \(1, D\)"),
        (("door", 9, [1], np.ones((1, DIM))), "length 8 in row 0"),
        (("door", 9, [1], np.full((1, DIM), np.nan)), "in row 0"),
        (("door", 9, [1], People().embed([0])[:, :7] * 9), "in row 0"),
        (("door", 9, [1], People().embed([0]), [1]), "storable must be bool"),
        (("door", 9, [1], People().embed([0]), [True, True]), "storable must be bool"),
        (("door", 9, [1], None, None, [0.5]), "ended must be ids"),
    ],
)
def test_wrong_argument_is_refused_and_changes_nothing(arguments, message):
    registry, people = PersonRegistry(), People()
    show(registry, people, {1: 0, 2: 1})
    before = state_of(registry)
    with pytest.raises(ValueError, match=message):
        registry.update(*arguments)
    assert state_of(registry) == before


def test_embeddings_of_another_length_are_refused():
    registry, people = PersonRegistry(), People()
    show(registry, people, {1: 0})
    with pytest.raises(ValueError, match=f"expected {DIM}, got 2"):
        registry.update("door", 20, [1], [[0.6, 0.8]])


class Interrupter:
    """Raises KeyboardInterrupt at the line of the package with this number."""

    def __init__(self, line):
        self.line = line
        self.count = 0

    def __call__(self, frame, event, argument):
        if "deepsort_reid" not in frame.f_code.co_filename:
            return None
        if event == "line":
            self.count += 1
            if self.count == self.line:
                raise KeyboardInterrupt
        return self


def eventful_update(registry, people):
    """An update in which tracks appear, end, are recognised and separated; returns its arguments.

    Called with the same registry state it is always the same.
    """
    return ("door", 60.0, [3, 4, 5, 6], people.embed([2, 0, 0, 6]), None, [3])


def eventful_registry():
    registry, people = PersonRegistry(), People()
    show(registry, people, {1: 0, 2: 1}, ended=[1, 2])
    show(registry, people, {3: 2, 4: 0}, start=20, frames=8)
    show(registry, people, {5: 0}, start=40, frames=7)
    return registry, people


def interrupted_anywhere(registry, operation):
    """Interrupt the operation at each line of the package until it completes.

    Returns how many interrupts left the state as it was, and how many came after the change.
    """
    before, unchanged, complete, line = state_of(registry), 0, 0, 0
    while True:
        line += 1
        tracer, previous = Interrupter(line), sys.gettrace()
        sys.settrace(tracer)
        try:
            operation()
        except KeyboardInterrupt:
            pass
        else:
            return unchanged, complete
        finally:
            sys.settrace(previous)
        if state_of(registry) == before:
            unchanged += 1
        else:
            complete += 1
            registry._operations.undo()  # the change was complete: nothing of it is missing
            assert state_of(registry) == before, f"interrupted at line {line}"


@pytest.mark.slow
def test_update_that_is_interrupted_anywhere_changes_nothing():
    registry, people = eventful_registry()
    arguments = eventful_update(registry, people)
    unchanged, complete = interrupted_anywhere(registry, lambda: registry.update(*arguments))
    assert unchanged > 300
    assert complete <= 2  # between the last statement and the return
    assert registry.person_of("door", 5) != registry.person_of("door", 4)


OPERATIONS = {
    "add a track": lambda registry, rows: registry.add_track("hall", 70, 80, rows),
    "add a track without times": lambda registry, rows: registry.add_track("b", None, None, rows),
    "start": lambda registry, rows: registry.start_camera("door"),
    "merge": lambda registry, rows: registry.merge(2, 3),
    "split": lambda registry, rows: registry.split(1, [("door", 4)]),
    "same": lambda registry, rows: registry.same(("door", 2), ("door", 3)),
    "different": lambda registry, rows: registry.different(("door", 1), ("door", 4)),
    "rename": lambda registry, rows: registry.rename(1, "Ada"),
    "forget": lambda registry, rows: registry.forget(1),
    "load": lambda registry, rows: registry.load_state_dict(PersonRegistry().state_dict()),
}


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_operation_that_is_interrupted_anywhere_changes_nothing(operation):
    registry, people = eventful_registry()
    registry.split(1, [("door", 5)])
    rows, before = people.embed([0] * 4), state_of(registry)
    unchanged, complete = interrupted_anywhere(registry, lambda: operation(registry, rows))
    assert unchanged > 20
    assert complete <= 4  # `forget` erases the file afterwards, of which here is none
    assert state_of(registry) != before


def test_undo_update_reverts_the_last_update_of_the_camera_only():
    registry, people = eventful_registry()
    number, before = registry.num_updates("door"), state_of(registry)
    registry.update(*eventful_update(registry, people))
    registry.undo_update("door", number - 1)
    assert state_of(registry) != before
    registry.undo_update("door", number)
    assert state_of(registry) == before
    registry.undo_update("door", number)
    assert state_of(registry) == before
    registry.update(*eventful_update(registry, people))
    registry.update("hall", 0, [1], None)
    after = state_of(registry)
    registry.undo_update("door", number)
    assert state_of(registry) == after


def test_loaded_registry_continues_exactly():
    registry, people = eventful_registry()
    loaded = PersonRegistry()
    loaded.load_state_dict(registry.state_dict())
    assert state_of(loaded) == state_of(registry)
    arguments = eventful_update(registry, people)
    assert repr(loaded.update(*arguments)) == repr(registry.update(*arguments))
    assert state_of(loaded) == state_of(registry)


def test_state_that_is_none_is_refused_and_changes_nothing():
    registry, _ = eventful_registry()
    before = state_of(registry)
    changed = registry.state_dict()
    del changed["records"]["rows"]["person"]
    for state in ({}, [], {"version": 99}, changed):
        with pytest.raises(ValueError, match="expected the state of a registry"):
            registry.load_state_dict(state)
    assert state_of(registry) == before


def test_explanation_says_how_near_and_what_forbade_others():
    registry, people = PersonRegistry(), People()
    show(registry, people, {1: 0, 2: 1}, ended=[1, 2])
    show(registry, people, {3: 0, 4: 2}, start=20)
    explanation = registry.explain_person("door", 3)
    text = str(explanation)
    assert text.startswith("track 3 of camera door is person 1 (probability")
    assert "nearest person 1" in text
    assert "of track 1 of camera door" in text
    assert "impossible: seen in one frame with track 4 of camera door" in text
    assert explanation.compared[0].person_id == 1
    assert explanation.compared[0].distance < 0.1
    with pytest.raises(ValueError, match="no track 99 of camera 'door'"):
        registry.explain_person("door", 99)


def test_cameras_may_update_from_threads():
    registry = PersonRegistry()

    def run(camera, first):
        people = People(seed=first)
        show(registry, people, {1: first, 2: first + 1}, camera=camera, frames=60)

    threads = [threading.Thread(target=run, args=(f"c{n}", 2 * n)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = [registry.person_of(f"c{n}", id) for n in range(4) for id in (1, 2)]
    assert len(set(found)) == 8


def test_copy_of_a_registry_continues_like_the_original():
    people, original = People(), PersonRegistry(keep_for=None)
    show(original, people, {1: 0, 2: 1}, ended=[2])
    for copy in (deepcopy(original), pickle.loads(pickle.dumps(original))):
        assert copy.persons == original.persons
        update = show(copy, People(), {1: 0, 3: 1}, start=20.0)
        assert update.person_id.tolist() == [1, 2]
    assert len(original.history(2)) == 1


def test_registry_with_a_file_is_not_copied(tmp_path):
    expected = pytest.raises(ValueError, match=r"people\.sqlite: .* cannot be copied")
    with PersonRegistry(tmp_path / "people.sqlite") as registry, expected:
        deepcopy(registry)


def test_oldest_ended_tracks_are_removed_above_the_maximum():
    people, registry = People(), PersonRegistry(max_tracks=20)
    for id in range(1, 101):
        registry.update("door", float(id), [1, id + 1], people.embed([0, 1]), ended=[id] * (id > 1))
    known = {track.id for tracks in registry.persons.values() for track in tracks}
    assert 15 <= len(known) <= 21
    assert {1, 101, 100} <= known  # live, or ended last
    assert registry.person_of("door", 1)


@pytest.mark.parametrize("max_tracks", [0, -1, 1.5, "3", True])
def test_max_tracks_is_a_number_from_1(max_tracks):
    with pytest.raises(ValueError, match="max_tracks must be"):
        PersonRegistry(max_tracks=max_tracks)


def test_live_tracks_are_kept_above_the_maximum():
    people, registry = People(), PersonRegistry(max_tracks=3)
    ids = [1, 2, 3, 4, 5]
    for frame in range(3):
        update = registry.update("door", float(frame), ids, people.embed(range(5)))
        assert update.person_id.tolist() == ids
