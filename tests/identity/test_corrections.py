import pytest

from deepsort_reid.identity import PersonRegistry
from tests.identity.people import People, show


def two_visits():
    """Tracks 1 and 2 of two people; then 3, of the first one, which is recognised."""
    registry, people = PersonRegistry(), People()
    show(registry, people, {1: 0, 2: 1}, ended=[1, 2])
    show(registry, people, {3: 0}, start=100, ended=[3])
    return registry, people


def persons(registry, *ids):
    return [registry.person_of("door", id) for id in ids]


def test_merge_moves_all_tracks_and_is_kept():
    registry, people = two_visits()
    show(registry, people, {4: 7}, start=200)
    changes = registry.merge(1, registry.person_of("door", 4))
    assert [(change.id, change.person_id, change.reason) for change in changes] == [
        (4, 1, "set by hand")
    ]
    update = show(registry, people, {4: 7}, start=210, frames=100, ended=[4])
    assert set(update.person_id.tolist()) <= {1}
    assert persons(registry, 1, 3, 4) == [1, 1, 1]
    assert registry.track("door", 4).by_hand


def test_merge_of_people_seen_in_one_frame_is_refused():
    registry, _ = two_visits()
    with pytest.raises(ValueError, match=r"track 1 .* and track 2 .* were seen in one frame"):
        registry.merge(1, 2)
    with pytest.raises(ValueError, match="no person 77"):
        registry.merge(1, 77)
    with pytest.raises(ValueError, match="two persons to merge, got 1 twice"):
        registry.merge(1, 1)
    assert persons(registry, 1, 2, 3) == [1, 2, 1]


def test_split_is_kept_whatever_the_tracks_look_like():
    registry, people = two_visits()
    (change,) = registry.split(1, [("door", 3)])
    assert (change.id, change.previous_person_id) == (3, 1)
    assert registry.person_of("door", 3) not in (1, 2)
    show(registry, people, {3: 0}, start=200, frames=50, ended=[3])
    assert registry.person_of("door", 3) not in (1, 2)
    with pytest.raises(ValueError, match="not all"):
        registry.split(1, [("door", 1)])
    with pytest.raises(ValueError, match="got none"):
        registry.split(1, [])


def test_same_and_different_are_obeyed_from_then_on():
    registry, people = two_visits()
    registry.different(("door", 1), ("door", 3))
    assert len(set(persons(registry, 1, 2, 3))) == 3
    with pytest.raises(ValueError, match="were declared to be different"):
        registry.merge(1, registry.person_of("door", 3))
    show(registry, people, {4: 9}, start=300, ended=[4])
    registry.same(("door", 1), ("door", 4))
    assert registry.person_of("door", 4) == 1
    # A later track may be either of them, and is never both.
    show(registry, people, {5: 0}, start=400)
    assert registry.person_of("door", 3) != registry.person_of("door", 1)


def test_rename_keeps_the_tracks_and_the_name_is_unique():
    registry, _ = two_visits()
    registry.rename(1, "Ada")
    assert registry.name(1) == "Ada"
    assert registry.track("door", 3).by_hand
    with pytest.raises(ValueError, match="person 1 has the name 'Ada' already"):
        registry.rename(2, "Ada")
    with pytest.raises(ValueError, match="a name must be text"):
        registry.rename(2, " ")
    registry.rename(1, None)
    assert registry.name(1) is None


def test_merge_keeps_the_name():
    registry, people = two_visits()
    show(registry, people, {4: 7}, start=200)
    other = registry.person_of("door", 4)
    registry.rename(other, "Ada")
    registry.merge(1, other)
    assert registry.name(1) == "Ada"
    assert other not in registry.persons


def test_gallery_and_history_of_a_person():
    registry, people = two_visits()
    gallery = registry.gallery(1)
    assert gallery.counts.sum() == 20
    assert (gallery.embedding @ people.embed([0])[0] > 0.9).all()
    assert [(track.id, track.first_time) for track in registry.history(1)] == [(1, 0), (3, 100)]
    assert list(registry.persons) == [1, 2]
    with pytest.raises(ValueError, match="no person 5"):
        registry.history(5)
