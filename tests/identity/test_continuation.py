import numpy as np
import pytest

from deepsort_reid import PersonRegistry

ANNA, BERT, CARL, DORA = np.eye(4, 16, dtype=np.float32)
UNIT = 1.0  # mean distance between identities


def mixed(*parts):
    total = np.sum([weight * row for weight, row in parts], axis=0)
    return np.asarray(total / np.linalg.norm(total), dtype=np.float32)


@pytest.fixture
def registry():
    """Tracks 1 (ANNA) and 2 (BERT) of the door, which ended at 10, and 3 (CARL), which is there."""
    people = PersonRegistry()
    for time in range(10):
        people.update("door", time, [1, 2, 3], np.stack([ANNA, BERT, CARL]))
    people.update("door", 10, [3], CARL[None], ended=[1, 2])
    for time in range(11, 30):
        people.update("door", time, [3], CARL[None])
    return people


def found(registry, embedding, number=3, first_time=28.0, present=(), camera="door"):
    return registry.find_continued(camera, embedding, number, UNIT, first_time, present)


def test_ended_track_is_found_and_nothing_changes(registry):
    before = repr(registry.persons)
    assert found(registry, ANNA).id == 1
    assert found(registry, ANNA).reason == (
        "nearest track 1 at distance 0.00, no other below 1.00: clear, required margin 0.10"
    )
    assert found(registry, DORA).id is None
    assert repr(registry.persons) == before


def test_track_that_was_matched_meanwhile_is_another_person(registry):
    assert found(registry, CARL).id is None
    assert found(registry, ANNA, first_time=9.0).id is None
    assert found(registry, ANNA, present=[1]).id is None


def test_embedding_between_two_tracks_continues_none(registry):
    result = found(registry, mixed((1.0, ANNA), (0.9, BERT)))
    assert result.id is None
    assert "second track 2 at 0.33: not clear, required margin 0.40" in result.reason


def test_margin_is_larger_for_few_embeddings(registry):
    leaning = mixed((1.0, ANNA), (0.51, BERT))  # distance 0.11 of ANNA and 0.55 of BERT
    assert found(registry, leaning, number=2).id is None  # required: 0.5
    assert found(registry, leaning, number=3).id == 1  # required: 0.4


def test_distance_is_in_units_of_that_between_identities(registry):
    half = mixed((1.0, ANNA), (1.0, DORA))  # distance 0.29
    assert registry.find_continued("door", half, 9, 1.0, 28.0).id == 1
    assert registry.find_continued("door", half, 9, 0.5, 28.0).id is None


def test_track_of_a_person_with_two_similar_tracks_is_not_clear(registry):
    for time in range(30, 40):
        registry.update("door", time, [3, 4], np.stack([CARL, ANNA]))
    registry.update("door", 40, [3], CARL[None], ended=[4])
    assert registry.person_of("door", 4) == registry.person_of("door", 1)
    assert found(registry, ANNA, first_time=41.0).id is None


def test_track_of_another_camera_is_no_candidate_but_a_competitor(registry):
    assert found(registry, DORA).id is None
    for time in range(30, 40):
        registry.update("hall", time, [1], mixed((1.0, ANNA), (0.2, DORA))[None])
    registry.update("hall", 40, [], ended=[1])
    result = found(registry, ANNA, first_time=41.0)
    assert result.id is None
    assert "second track of another camera or run" in result.reason
    assert found(registry, BERT, first_time=41.0).id == 2
