"""Clustering of all tracks: returning people are merged, people who do not return are not."""

import numpy as np
import pytest

from deepsort_reid.identity import PersonRegistry
from deepsort_reid.identity.clustering import cluster, mean_embeddings
from deepsort_reid.identity.reconsideration import MAX_TRACKS_IN_UPDATE, is_due
from tests.identity.people import directions, unit

DIM = 64


def tracks_of(person, noise, seed=0):
    """Embeddings (N, D) of tracks of these people (N,)."""
    rng = np.random.default_rng(seed)
    clean = directions(int(np.max(person)) + 1, seed=seed + 1)[person]
    return unit(clean + noise / np.sqrt(DIM) * rng.normal(size=clean.shape))


def cluster_all(embedding, *, camera=None, known=None, forbidden=None):
    number = len(embedding)
    return cluster(
        embedding,
        np.zeros(number, dtype=np.int64) if camera is None else camera,
        np.arange(number) if known is None else known,
        np.zeros((number, number), dtype=bool) if forbidden is None else forbidden,
    )


def wrong_share(label, person):
    """Share of tracks in clusters whose majority is another person."""
    majority = sum(
        np.unique(person[label == each], return_counts=True)[1].max()
        for each in set(label.tolist())
    )
    return 1 - majority / len(person)


@pytest.mark.parametrize("number", [20, 40, 100, 400])
def test_people_who_do_not_return_are_not_merged(number):
    found = cluster_all(tracks_of(np.arange(number), 0.5))
    assert len(set(found.label.tolist())) >= 0.98 * number


@pytest.mark.parametrize("people", [12, 20, 100])
def test_returning_people_are_merged(people):
    person = np.random.default_rng(3).permutation(np.repeat(np.arange(people), 5))
    found = cluster_all(tracks_of(person, 0.6))
    assert wrong_share(found.label, person) <= 0.01
    assert len(set(found.label.tolist())) <= 1.5 * people


def test_threshold_is_lower_where_people_return():
    everybody = cluster_all(tracks_of(np.repeat(np.arange(30), 5), 0.6))
    nobody = cluster_all(tracks_of(np.arange(150), 0.6))
    assert everybody.threshold < nobody.threshold - 5


def test_mean_of_a_camera_is_removed():
    person = np.repeat(np.arange(20), 4)
    camera = np.tile([0, 0, 1, 1], 20)
    shift = 1.5 * directions(2, seed=9)[camera]
    found = cluster_all(unit(tracks_of(person, 0.5) + shift), camera=camera)
    assert wrong_share(found.label, person) <= 0.01
    assert len(set(found.label.tolist())) <= 30


def test_forbidden_pairs_are_never_merged_and_known_ones_always():
    person = np.repeat(np.arange(20), 5)
    embedding = tracks_of(person, 0.3)
    forbidden = np.zeros((100, 100), dtype=bool)
    forbidden[0, 1] = forbidden[1, 0] = True
    known = np.arange(100)
    known[[10, 50]] = 10  # two different people, joined by somebody who knows better
    label = cluster_all(embedding, known=known, forbidden=forbidden).label
    assert label[0] != label[1]
    assert label[10] == label[50]


def test_result_does_not_depend_on_the_order_of_tracks():
    person = np.repeat(np.arange(20), 5)
    embedding = tracks_of(person, 0.6)
    order = np.random.default_rng(1).permutation(100)
    one, other = cluster_all(embedding).label, cluster_all(embedding[order]).label
    assert ((one[:, None] == one)[np.ix_(order, order)] == (other[:, None] == other)).all()


@pytest.mark.parametrize("number", [0, 1])
def test_one_track_or_none(number):
    found = cluster_all(tracks_of(np.arange(2), 0.1)[:number])
    assert len(found.label) == number


def test_equal_embeddings_give_finite_scores():
    found = cluster_all(unit(np.ones((20, DIM))))
    assert np.isfinite(found.score[found.score == found.score]).all()


def test_mean_embeddings_weighs_prototypes_by_their_counts():
    rows = directions(3)
    keys, mean = mean_embeddings(rows, np.array([3.0, 1.0, 2.0]), np.array([7, 7, 4]))
    assert keys.tolist() == [4, 7]
    np.testing.assert_allclose(mean, unit(np.stack([rows[2], 3 * rows[0] + rows[1]])), atol=1e-6)


def test_due_each_time_the_number_has_grown_by_half():
    due = [n for n in range(1, 1300) if is_due(n - 1, n)]
    assert due[:4] == [12, 18, 27, 40]
    assert set(np.diff(due[-5:]).tolist()) == {MAX_TRACKS_IN_UPDATE // 2}


class TestRegistry:
    """Reconsideration of the persons of a registry."""

    def registry(self, person, embedding):
        registry = PersonRegistry()
        for each in embedding:
            registry.add_track("door", None, None, each[None])
        return registry

    def test_merges_tracks_and_reports_the_changes(self):
        person = np.tile(np.arange(20), 5)
        embedding = tracks_of(person, 0.6)
        registry = self.registry(person, embedding)
        before = {each: registry.person_of("door", each + 1) for each in range(100)}
        changes = registry.reconsider()
        after = np.array([registry.person_of("door", each + 1) for each in range(100)])
        assert wrong_share(after, person) <= 0.01
        assert len(set(after.tolist())) <= 24 < len(set(before.values()))
        for change in changes:
            assert before[change.id - 1] == change.previous_person_id
            assert after[change.id - 1] == change.person_id
        assert "score" in str(registry.explain_person("door", changes[0].id))
        assert registry.reconsider() == []

    def test_keeps_what_was_set_by_hand_and_named(self):
        person = np.tile(np.arange(20), 5)
        registry = self.registry(person, tracks_of(person, 0.3))
        registry.different(("door", 1), ("door", 21))
        registry.rename(registry.person_of("door", 41), "Ada")
        named = registry.person_of("door", 41)
        registry.reconsider()
        assert registry.person_of("door", 1) != registry.person_of("door", 21)
        assert registry.person_of("door", 41) == named
        assert registry.person_of("door", 61) == named

    def test_update_reconsiders_by_itself(self):
        person = np.tile(np.arange(8), 4)
        embedding = tracks_of(person, 0.35)
        registry = PersonRegistry()
        for number, each in enumerate(embedding):
            registry.update("door", float(number), [number + 1], each[None], ended=[number])
        after = np.array([registry.person_of("door", number + 1) for number in range(len(person))])
        assert wrong_share(after, person) == 0
        assert len(set(after.tolist())) < len(person) / 2
