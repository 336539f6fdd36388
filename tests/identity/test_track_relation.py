import numpy as np
import pytest

from deepsort_reid.identity.journal import Journal
from deepsort_reid.identity.track_relation import TrackRelation, keys_of, mask_of, union


@pytest.fixture
def related():
    """A relation of random pairs, and the same as sets."""
    rng, relation, sets = np.random.default_rng(0), TrackRelation(), {}
    for _ in range(60):
        keys, others = (rng.choice(3000, 12, replace=False).tolist() for _ in range(2))
        added, _ = relation.add(Journal(), keys, others)
        for key in keys:
            new = set(others) - {key} - sets.get(key, set())
            assert set(keys_of(added.get(key, {}))) == new or key in others
            sets.setdefault(key, set()).update(set(others) - {key})
            for other in set(others) - {key}:
                sets.setdefault(other, set()).add(key)
    return relation, sets


def test_equals_sets(related):
    relation, sets = related
    assert {key: relation.of(key) for key in sets} == sets
    keys = sorted(sets)
    flags = relation.flags(keys, 0, 3000)
    assert {
        k: set(np.flatnonzero(row).tolist()) for k, row in zip(keys, flags, strict=True)
    } == sets


def test_removed_track_leaves_no_trace_and_comes_back_by_undo(related):
    relation, sets = related
    journal, key = Journal(), min(sets)
    before = repr(relation.state_dict())
    assert set(relation.remove(journal, key)) == sets[key]
    assert not any(key in relation.of(other) for other in sets)
    assert key not in relation.state_dict()["track"]
    journal.undo()
    assert repr(relation.state_dict()) == before


def test_added_pairs_are_undone(related):
    relation, _ = related
    journal, before = Journal(), repr(relation.state_dict())
    relation.add(journal, range(0, 3000, 7), range(0, 3000, 11))
    assert repr(relation.state_dict()) != before
    journal.undo()
    assert repr(relation.state_dict()) == before


def test_state_is_loaded(related):
    relation, sets = related
    loaded = TrackRelation()
    loaded.load_state_dict(relation.state_dict())
    assert {key: loaded.of(key) for key in sets} == sets


def test_masks_are_sets():
    assert keys_of(mask_of([5, 1023, 1024, 70000])) == [5, 1023, 1024, 70000]
    assert keys_of(union(mask_of([1, 2]), mask_of([2, 5000]))) == [1, 2, 5000]
    assert keys_of({}) == []
