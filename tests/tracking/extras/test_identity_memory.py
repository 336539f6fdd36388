"""Identity memory: returning people are re-identified, others get new ids."""

import numpy as np
import pytest

from deepsort_reid import DeepSort, Detections
from deepsort_reid.tracking import published
from deepsort_reid.tracking.extras.identity_memory import IdentityMemory


def unit_embedding(*values: float) -> np.ndarray:
    row = np.array(values, dtype=np.float32)
    return row / np.linalg.norm(row)


ANNA, BERT, CARL = (
    unit_embedding(1, 0, 0, 0),
    unit_embedding(0, 1, 0, 0),
    unit_embedding(0, 0, 1, 0),
)


def memory(**settings: float) -> IdentityMemory:
    made = IdentityMemory(**settings)
    made.add(1, ANNA)
    made.add(2, BERT)
    return made


def test_similar_embedding_matches_and_a_different_one_does_not() -> None:
    # cosine distance 0.02 of ANNA
    nearly = unit_embedding(1, 0, 0, 0.2)
    assert memory().match(nearly, 1.0).matched_id == 1
    assert memory().match(CARL, 1.0).matched_id is None


def test_max_normalized_distance_is_in_units_of_the_inter_identity_distance() -> None:
    half = unit_embedding(1, 0, 0, 1)  # distance 0.29
    assert memory().match(half, 1.0).matched_id == 1  # normalised 0.29
    assert memory().match(half, 0.5).matched_id is None  # normalised 0.59


def test_embedding_between_two_identities_matches_neither() -> None:
    assert memory().match(unit_embedding(1, 0.9, 0, 0), 1.0).matched_id is None
    assert memory(margin=0.0).match(unit_embedding(1, 0.9, 0, 0), 1.0).matched_id == 1


def test_margin_is_larger_for_few_embeddings() -> None:
    # Distance 0.11 of ANNA and 0.54 of BERT: a difference of 0.43.
    leaning = unit_embedding(1, 0.51, 0, 0)
    people = memory(margin=0.2, small_sample_margin=0.6)
    assert people.match(leaning, 1.0, num_embeddings=2).matched_id is None  # required: 0.5
    assert people.match(leaning, 1.0, num_embeddings=3).matched_id == 1  # required: 0.4
    assert people.match(leaning, 1.0).matched_id == 1


def test_excluded_ids_are_no_candidates_and_lost_tracks_are() -> None:
    assert memory().match(ANNA, 1.0, excluded_ids=[1]).matched_id is None
    assert memory().match(ANNA, 1.0, excluded_ids=[2]).matched_id == 1
    assert memory().match(CARL, 1.0, lost_tracks=[(7, CARL)]).matched_id == 7


def test_single_identity_has_a_margin_to_an_unknown_one() -> None:
    alone = IdentityMemory(max_normalized_distance=0.9)
    alone.add(1, ANNA)
    at_085 = np.array([0.15, np.sqrt(1 - 0.15**2), 0, 0], dtype=np.float32)
    assert alone.match(ANNA, 1.0).matched_id == 1
    assert alone.match(at_085, 1.0).matched_id is None


def test_memory_is_bounded_and_drops_the_oldest_identity() -> None:
    small = IdentityMemory(capacity=2)
    for id, embedding in ((1, ANNA), (2, BERT), (3, CARL)):
        small.add(id, embedding)
    assert small.id.tolist() == [2, 3]
    assert small.match(ANNA, 1.0).matched_id is None
    none = IdentityMemory(capacity=0)
    none.add(1, ANNA)
    assert len(none) == 0
    assert none.match(ANNA, 1.0).matched_id is None


def test_add_replaces_an_identity_and_remove_deletes_it() -> None:
    people = memory()
    people.add(1, CARL)
    assert people.id.tolist() == [2, 1]
    assert people.match(CARL, 1.0).matched_id == 1
    people.remove(1)
    people.remove(99)
    assert people.id.tolist() == [2]


def test_memory_round_trips_through_arrays_and_merges(tmp_path) -> None:
    np.savez(tmp_path / "people.npz", **memory(capacity=9, margin=0.1).as_arrays())
    with np.load(tmp_path / "people.npz") as stored:
        loaded = IdentityMemory.from_arrays(stored)
    assert (loaded.capacity, loaded.margin) == (9, 0.1)
    np.testing.assert_array_equal(loaded.embedding, memory().embedding)
    other = IdentityMemory()
    other.add(2, CARL)
    other.add(7, BERT)
    loaded.merge(other)
    assert loaded.id.tolist() == [1, 2, 7]
    assert loaded.match(CARL, 1.0).matched_id == 2


def test_invalid_settings_and_arrays_are_refused() -> None:
    with pytest.raises(ValueError, match="capacity >= 0"):
        IdentityMemory(-1)
    with pytest.raises(ValueError, match="expected 4, got"):
        memory().add(3, np.ones(5))
    with pytest.raises(ValueError, match="no 'limits'"):
        IdentityMemory.from_arrays({"id": np.zeros(1), "embedding": np.zeros((1, 4))})
    with pytest.raises(ValueError, match="one embedding per id"):
        IdentityMemory.from_arrays(
            {"id": np.zeros(2), "embedding": np.zeros((1, 4)), "limits": np.zeros(3)}
        )


UNIT = np.eye(2, dtype=np.float32)
LIMITS = [9, 0.35, 0.2, 0.6, 7]  # capacity, max_normalized_distance, two margins, last_id


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"embedding": np.full((2, 2), np.nan)}, "rows of length 1, got length nan in row 0"),
        ({"embedding": UNIT * 2}, "rows of length 1, got length 2 in row 0"),
        ({"embedding": np.full((2, 2), 1e300)}, "rows of length 1, got length inf in row 0"),
        ({"embedding": [["a"], ["b"]]}, r"embedding must be numbers of shape \(P, D\), got"),
        ({"id": [3, 3]}, "id must not repeat, got 3 again in row 1"),
        ({"id": [3, -1]}, "whole numbers from 1 to last_id, which is 7, got -1 in row 1"),
        ({"id": [0, 3]}, "whole numbers from 1 to last_id, which is 7, got 0 in row 0"),
        ({"id": [3, 8]}, "whole numbers from 1 to last_id, which is 7, got 8 in row 1"),
        ({"id": [3, np.nan]}, "whole numbers from 1 to last_id, which is 7, got nan in row 1"),
        ({"id": [3, 4.5]}, "whole numbers from 1 to last_id, which is 7, got 4.5 in row 1"),
        ({"id": [[3, 4]]}, "expected one embedding per id"),
        ({"limits": [1, 0.35, 0.2, 0.6, 7]}, "expected at most 1 identities, .* got 2"),
        ({"limits": [9, np.nan, 0.2, 0.6, 7]}, "limits must be capacity, .*finite"),
        ({"limits": [np.inf, 0.35, 0.2, 0.6, 7]}, "limits must be capacity, .*finite"),
        ({"limits": [9, 0.35, 0.2, 0.6, -1]}, "limits must be capacity, .*whole numbers from 0"),
        ({"limits": [2.5, 0.35, 0.2, 0.6, 7]}, "limits must be capacity, .*whole numbers from 0"),
        ({"limits": {}}, "limits must be 5 numbers, got {}"),
    ],
)
def test_arrays_that_no_memory_has_are_refused(changed, message) -> None:
    arrays = {"id": np.array([3, 7]), "embedding": UNIT, "limits": np.array(LIMITS)}
    assert IdentityMemory.from_arrays(arrays).id.tolist() == [3, 7]
    with pytest.raises(ValueError, match=message):
        IdentityMemory.from_arrays({**arrays, **changed})


HERE = np.array([100.0, 100, 150, 220])
FAR = np.array([900.0, 100, 950, 220])


def frame(*people: tuple[np.ndarray, np.ndarray]) -> Detections:
    if not people:
        return Detections.empty()
    return Detections([box for box, _ in people], embedding=[embedding for _, embedding in people])


def ids_after(tracker: DeepSort, frames: int, *people: tuple[np.ndarray, np.ndarray]) -> list[int]:
    for _ in range(frames):
        seen = tracker.update(frame(*people))
    return seen.id_of_detection(len(people)).tolist()


def test_returning_person_gets_the_old_id_and_another_a_new_one() -> None:
    tracker = DeepSort()
    assert ids_after(tracker, 5, (HERE, ANNA), (FAR, BERT)) == [1, 2]
    ids_after(tracker, tracker.config.max_age + 5, (FAR, BERT))
    assert tracker.tracks.id.tolist() == [2]
    assert ids_after(tracker, 5, (FAR, BERT), (HERE, CARL)) == [2, 3]
    elsewhere = HERE + 300
    assert ids_after(tracker, 5, (FAR, BERT), (HERE, CARL), (elsewhere, ANNA)) == [2, 3, 1]


def test_one_id_is_assigned_to_one_of_two_similar_tracks() -> None:
    tracker = DeepSort()
    ids_after(tracker, 5, (HERE, ANNA), (FAR, BERT))
    ids_after(tracker, tracker.config.max_age + 5, (FAR, BERT))
    ids = ids_after(tracker, 5, (FAR, BERT), (HERE, ANNA), (HERE + 300, ANNA))
    assert sorted(ids) == [1, 2, 3]


def test_without_embeddings_or_as_published_no_id_is_reused() -> None:
    for tracker in (DeepSort(), published()):
        ids_after(tracker, 5, (HERE, ANNA), (FAR, BERT))
        ids_after(tracker, tracker.config.max_age + 5, (FAR, BERT))
        for _ in range(5):
            seen = tracker.update(
                Detections([FAR, HERE])
                if tracker.config.high_score_threshold > 0
                else frame((FAR, BERT), (HERE, ANNA))
            )
        assert 1 not in seen.id


def test_loaded_memory_gives_earlier_ids_and_new_ids_follow() -> None:
    tracker = DeepSort(identity_memory=memory())
    assert ids_after(tracker, 5, (HERE, CARL), (FAR, ANNA))[0] == 3
    ids = ids_after(tracker, 5, (HERE, CARL), (FAR, ANNA), (HERE + 400, BERT))
    assert ids[2] == 2
    own = DeepSort()
    ids_after(own, 5, (HERE, ANNA), (FAR, BERT))
    own.reset()
    assert len(own.identity_memory) == 0
    assert ids_after(own, 5, (HERE, ANNA)) == [1]


def test_no_id_is_assigned_twice_after_reset_with_a_shared_memory() -> None:
    people = IdentityMemory()
    tracker = DeepSort(identity_memory=people)
    assert ids_after(tracker, 5, (HERE, ANNA), (FAR, BERT)) == [1, 2]
    tracker.reset()
    assert ids_after(tracker, 5, (HERE, CARL), (FAR, unit_embedding(0, 0, 0, 1))) == [3, 4]
    assert IdentityMemory.from_arrays(people.as_arrays()).last_id == 4


def test_coasting_track_is_reidentified_far_from_its_prediction() -> None:
    tracker = DeepSort()
    ids_after(tracker, 5, (HERE, ANNA), (FAR, BERT))
    ids_after(tracker, 40, (FAR, BERT))
    # Id 1 is coasting, far from where the person returns.
    assert tracker.tracks.id.tolist() == [1, 2]
    assert ids_after(tracker, 5, (FAR, BERT), (HERE + 600, ANNA)) == [2, 1]
    assert sorted(tracker.tracks.id.tolist()) == [1, 2]


def test_person_keeps_the_id_after_any_time() -> None:
    for gap in (10, 60, 107, 115, 119, 120, 121, 150):
        tracker = DeepSort()
        ids_after(tracker, 5, (HERE, ANNA), (FAR, BERT))
        ids_after(tracker, gap, (FAR, BERT))
        assert ids_after(tracker, 5, (FAR, BERT), (HERE, ANNA)) == [2, 1], gap
