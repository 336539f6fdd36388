import numpy as np

from deepsort_reid import Event
from deepsort_reid.tracking.extras.track_events import TrackEvents


def events_of(frames, is_known=lambda id, person: False):
    """The events of frames (persons by id, ids that ended, changes) as (kind, id, person)."""
    tracker, found = TrackEvents(), []
    for number, (persons, ended, changes) in enumerate(frames, start=1):
        id, person_id = np.array(list(persons), np.int64), np.array(list(persons.values()))
        tracker.update(
            number, number / 10, id, person_id, ended=ended, changes=changes, is_known=is_known
        )
        found.append([(event.kind, event.id, event.person_id) for event in tracker.events])
        assert all(event[3:] == (number, number / 10) for event in tracker.events)
    return found


def test_track_appears_is_lost_recovers_and_leaves():
    frames = [{1: 1}, {1: 1, 2: 2}, {2: 2}, {2: 2}, {1: 1, 2: 2}, {2: 2}, {2: 2}, {}]
    ended = [[], [], [], [], [], [], [1], [2]]
    assert events_of((persons, each, {}) for persons, each in zip(frames, ended, strict=True)) == [
        [("appeared", 1, 1)],
        [("appeared", 2, 2)],
        [("lost", 1, 1)],
        [],
        [("recovered", 1, 1)],
        [("lost", 1, 1)],
        [("left", 1, 1)],
        [("left", 2, 2)],
    ]


def test_corrected_person_is_an_event_of_a_matched_and_of_an_absent_track():
    frames = [({1: 1, 2: 2}, [], {}), ({1: 3}, [], {}), ({1: 3}, [], {2: 4}), ({1: 3}, [2], {2: 5})]
    assert events_of(frames)[1:] == [
        [("lost", 2, 2), ("reidentified", 1, 3)],
        [("reidentified", 2, 4)],
        [("left", 2, 5), ("reidentified", 2, 5)],
    ]


def test_track_of_a_known_person_is_reidentified_when_it_appears():
    frames = [({1: 1}, [], {}), ({}, [1], {}), ({2: 1}, [], {}), ({}, [2], {}), ({1: 7}, [], {})]
    found = events_of(frames, is_known=lambda id, person: (id, person) == (2, 1))
    assert found[2] == [("appeared", 2, 1), ("reidentified", 2, 1)]
    # An id that left is taken over at confirmation.
    assert found[4] == [("appeared", 1, 7), ("reidentified", 1, 7)]


def test_corrected_person_of_a_track_that_left_is_an_event():
    frames = [({1: 1}, [], {}), ({}, [1], {}), ({2: 3}, [], {1: 3}), ({2: 3}, [], {1: 3})]
    assert events_of(frames)[2:] == [[("appeared", 2, 3), ("reidentified", 1, 3)], []]


def test_event_names_its_fields():
    event = Event("appeared", 3, 2, 10, 0.4)
    assert (event.kind, event.id, event.person_id, event.frame, event.time) == tuple(event)
