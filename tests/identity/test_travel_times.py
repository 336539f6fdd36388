import numpy as np
import pytest

from deepsort_reid import PersonRegistry
from deepsort_reid.identity.travel_times import TravelTimes

DIM, TRAVEL = 64, 30.0


def directions(number, seed=0):
    rows = np.linalg.qr(np.random.default_rng(seed).normal(size=(DIM, DIM)))[0]
    return np.asarray(rows[:number], dtype=np.float32)


def similar_pair(seed):
    """Two people with a cosine of 0.8, and an embedding slightly nearer to the first one."""
    rng = np.random.default_rng(seed)
    basis = directions(DIM, seed=seed + 100)
    first = basis[0]
    second = 0.8 * basis[0] + 0.6 * basis[1]
    seen = first + 0.3 * second + 0.6 * basis[2] + 0.02 * rng.normal(size=DIM)
    rows = np.stack([first, second, seen])
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


def registry_after(times):
    """People who walk from the door to the hall in these times."""
    registry, now = PersonRegistry(keep_for=None), 0.0
    for number, time in enumerate(times):
        row = directions(DIM)[number : number + 1].repeat(8, axis=0)
        person = registry.add_track("door", now, now + 5, row)
        assert registry.add_track("hall", now + 5 + time, now + 10 + time, row) == person
        now += 1000.0
    return registry, now


def person_of_similar(times, first_left, second_left):
    """Whether a person in the hall is the first of two similar ones, who left before so long."""
    registry, now = registry_after(times)
    first, second, seen = similar_pair(0)
    people = {}
    for name, row, left in (("first", first, first_left), ("second", second, second_left)):
        end = now + 1000 - left
        people[name] = registry.add_track("door", end - 5, end, np.repeat(row[None], 8, axis=0))
    found = registry.add_track("hall", now + 1000, now + 1005, np.repeat(seen[None], 8, axis=0))
    return next((name for name, person in people.items() if person == found), None)


def usual(number):
    return TRAVEL + np.random.default_rng(1).normal(0, 2, number)


def test_usual_time_decides_between_similar_people():
    assert person_of_similar(usual(5), TRAVEL, 700.0) is None  # too few joins to learn from
    assert person_of_similar(usual(25), TRAVEL, 700.0) == "first"


def test_unusual_time_forbids_nobody():
    registry, now = registry_after(usual(25))
    row = directions(DIM)[40:41].repeat(8, axis=0)
    person = registry.add_track("door", now, now + 5, row)
    assert registry.add_track("hall", now + 705, now + 710, row) == person


def test_times_that_tell_nothing_change_little():
    learned, rng = TravelTimes(), np.random.default_rng(0)
    for time in rng.uniform(0, 1000, 50):
        learned.observe(0, 1, time)
    shift = learned.shift(
        1, 1000.0, np.arange(200), np.zeros(200, dtype=np.int64), rng.uniform(0, 1000, 200)
    )
    assert np.abs(shift).mean() < 0.02


def test_shift_is_bounded_and_of_the_direction_only():
    learned = TravelTimes()
    for time in usual(19):
        learned.observe(0, 1, time)
    person, cameras = np.array([1, 2, 3, 4, 5, 1]), np.array([0, 0, 0, 1, 0, 1])
    last = np.array([70.0, -400.0, 200.0, 70.0, np.nan, 10.0])
    assert learned.shift(1, 100.0, person, cameras, last) is None
    learned.observe(0, 1, TRAVEL)
    shift = learned.shift(1, 100.0, person, cameras, last)
    assert shift[0] > 0 > shift[1]
    assert shift[2:5].tolist() == [0, 0, 0]  # not over yet, the same camera, unknown
    assert shift[5] == shift[0]  # an earlier track of the same person
    assert np.abs(shift).max() <= 0.08
    assert learned.shift(0, 100.0, person, cameras, last) is None


def test_state_is_loaded_and_undone():
    registry, now = registry_after(usual(21))
    loaded = PersonRegistry(keep_for=None)
    loaded.load_state_dict(registry.state_dict())
    before = registry.matching.travel_times.state_dict()
    assert loaded.matching.travel_times.state_dict() == before
    row = directions(DIM)[50:51].repeat(8, axis=0)
    registry.add_track("door", now, now + 5, row)
    registry.add_track("hall", now + 40, now + 50, row)
    assert registry.matching.travel_times.state_dict() != before
    registry._operations.undo()
    assert registry.matching.travel_times.state_dict() == before
    with pytest.raises(ValueError, match="expected the state of a registry"):
        loaded.load_state_dict({**registry.state_dict(), "matching": {}})
