"""Gallery stores against dictionaries of lists."""

import numpy as np
import pytest

from deepsort_reid.tracking.gallery import GalleryAppearance, MeanAppearance
from deepsort_reid.tracking.near_pairs import all_pairs

DIM = 6


def unit_rows(rng, n, width=DIM):
    rows = rng.normal(size=(n, width))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


class GalleryOracle:
    """The last `budget` embeddings of each slot as a list."""

    def __init__(self, budget):
        self.budget = budget
        self.stored = {}

    def add(self, slot, embedding):
        self.stored[slot] = [*self.stored[slot], embedding][-self.budget :]


class MeanOracle:
    """One mean per slot, in float64."""

    def __init__(self, momentum):
        self.momentum = momentum
        self.stored = {}

    def add(self, slot, embedding):
        mean = embedding.astype(np.float64)
        if self.stored[slot]:
            mean = self.momentum * self.stored[slot][0] + (1 - self.momentum) * mean
        self.stored[slot] = [mean / np.linalg.norm(mean)]


def oracle_distance(oracle, slots, embedding, row, column):
    """Distance of each pair to the nearest stored embedding."""
    return [
        min(1 - stored @ embedding[m] for stored in oracle.stored[slots[n]])
        for n, m in zip(row, column, strict=True)
    ]


@pytest.mark.parametrize(
    ("appearance", "oracle"),
    [
        (GalleryAppearance(budget=1), GalleryOracle(1)),
        (GalleryAppearance(budget=3), GalleryOracle(3)),
        (GalleryAppearance(budget=100), GalleryOracle(100)),
        (MeanAppearance(momentum=0), MeanOracle(0)),
        (MeanAppearance(momentum=0.9), MeanOracle(0.9)),
    ],
    ids=["budget 1", "budget 3", "budget 100", "no momentum", "momentum 0.9"],
)
def test_store_equals_a_dictionary_of_lists(appearance, oracle):
    rng = np.random.default_rng(0)
    store, live, reused = appearance.create_store(), [], 0
    store.set_dim(DIM)
    ever, peak = set(), 0
    oracle.stored.clear()
    for _ in range(300):
        ended = [slot for slot in live if rng.random() < 0.1]
        store.release(np.array(ended, dtype=np.int64))
        live = [slot for slot in live if slot not in ended]
        started = store.allocate(int(rng.integers(0, 5))).tolist()
        assert not set(started) & set(live)
        assert len(set(started)) == len(started)
        reused += len(set(started) & ever)
        ever |= set(started)
        oracle.stored.update({slot: [] for slot in started})
        live += started
        peak = max(peak, len(live))

        slots = rng.permutation(np.array(live, dtype=np.int64))
        seen = slots[rng.random(len(slots)) < 0.6]
        embedding = unit_rows(rng, len(seen))
        store.add(seen, embedding)
        for slot, row in zip(seen.tolist(), embedding, strict=True):
            oracle.add(slot, row)

        np.testing.assert_array_equal(
            store.has_embedding(slots), [len(oracle.stored[slot]) > 0 for slot in slots]
        )
        for slot in live:
            expected = np.array(oracle.stored[slot]).reshape(-1, DIM)
            np.testing.assert_allclose(store.embeddings(slot), expected, atol=1e-5)
        candidates = unit_rows(rng, int(rng.integers(0, 8)))
        pairs = rng.random((len(slots), len(candidates))) < 0.5
        row, column = np.nonzero(pairs & store.has_embedding(slots)[:, None])
        np.testing.assert_allclose(
            store.cosine_distance(slots, candidates, row, column),
            oracle_distance(oracle, slots.tolist(), candidates, row, column),
            atol=1e-5,
        )
    assert reused > 100
    assert max(ever) < max(16, 2 * peak)


def test_full_ring_buffer_drops_the_oldest_embedding():
    store = GalleryAppearance(budget=2).create_store()
    store.set_dim(3)
    slot = store.allocate(1)
    for row in np.eye(3, dtype=np.float32):
        store.add(slot, row[None])
    np.testing.assert_array_equal(store.embeddings(slot[0]), [[0, 1, 0], [0, 0, 1]])
    distance = store.cosine_distance(slot, np.eye(3, dtype=np.float32), *all_pairs(1, 3))
    np.testing.assert_array_equal(distance, [1, 0, 0])


def test_moving_mean_uses_momentum_and_has_unit_length():
    store = MeanAppearance(momentum=0.75).create_store()
    store.set_dim(2)
    slot = store.allocate(1)
    store.add(slot, np.array([[1, 0]], dtype=np.float32))
    store.add(slot, np.array([[0, 1]], dtype=np.float32))
    np.testing.assert_allclose(
        store.embeddings(slot[0]), [[0.75, 0.25]] / np.sqrt(0.625), atol=1e-6
    )


def test_mean_of_opposite_embeddings_is_replaced_by_the_new_one():
    store = MeanAppearance(momentum=0.5).create_store()
    store.set_dim(2)
    slot = store.allocate(1)
    store.add(slot, np.array([[1, 0]], dtype=np.float32))
    store.add(slot, np.array([[-1, 0]], dtype=np.float32))
    np.testing.assert_array_equal(store.embeddings(slot[0]), [[-1, 0]])


@pytest.mark.parametrize("appearance", [GalleryAppearance(budget=4), MeanAppearance()])
class TestBothStores:
    def test_released_slot_is_empty_when_allocated_again(self, appearance):
        store = appearance.create_store()
        store.set_dim(DIM)
        first = store.allocate(16)
        store.add(first, unit_rows(np.random.default_rng(1), 16))
        store.release(first)
        second = store.allocate(16)
        assert set(second.tolist()) == set(first.tolist())
        assert not store.has_embedding(second).any()
        assert store.embeddings(second[0]).shape == (0, DIM)

    def test_growing_keeps_stored_embeddings(self, appearance):
        store = appearance.create_store()
        store.set_dim(DIM)
        first, rows = store.allocate(10), unit_rows(np.random.default_rng(3), 10)
        store.add(first, rows)
        more = store.allocate(500)
        assert not set(more.tolist()) & set(first.tolist())
        kept = np.concatenate([store.embeddings(slot) for slot in first])
        np.testing.assert_allclose(kept, rows, atol=1e-6)

    def test_slots_can_be_allocated_before_the_first_embedding(self, appearance):
        store = appearance.create_store()
        assert store.dim == 0
        slot = store.allocate(1)
        assert store.embeddings(slot[0]).shape == (0, 0)
        store.set_dim(DIM)
        assert store.dim == DIM
        row = unit_rows(np.random.default_rng(4), 1)
        store.add(slot, row)
        np.testing.assert_allclose(store.embeddings(slot[0]), row, atol=1e-6)

    def test_another_embedding_length_is_refused_even_when_all_slots_were_released(
        self, appearance
    ):
        store = appearance.create_store()
        store.set_dim(DIM)
        slots = store.allocate(3)
        store.add(slots, unit_rows(np.random.default_rng(5), 3))
        store.set_dim(DIM)
        store.release(slots)
        store.allocate(3)
        with pytest.raises(ValueError, match=f"keep their length: expected {DIM}, got 7"):
            store.set_dim(7)
        assert store.dim == DIM

    def test_no_pairs_give_no_distances(self, appearance):
        store = appearance.create_store()
        store.set_dim(DIM)
        slots = store.allocate(3)
        store.add(slots, unit_rows(np.random.default_rng(6), 3))
        # An embedder that was called without boxes may not know the length of its embeddings.
        for width in (DIM, 0):
            nothing = np.empty((0, width), dtype=np.float32)
            assert store.cosine_distance(slots, nothing, *all_pairs(3, 0)).shape == (0,)
        some = unit_rows(np.random.default_rng(7), 4)
        assert store.cosine_distance(slots[:0], some, *all_pairs(0, 4)).shape == (0,)

    def test_cosine_distance_is_between_zero_and_two(self, appearance):
        store = appearance.create_store()
        store.set_dim(2)
        slot = store.allocate(1)
        row = np.array([[0.6, 0.8]], dtype=np.float32)
        store.add(slot, row)
        both = np.concatenate([row * np.float32(1.001), -row])
        distance = store.cosine_distance(slot, both, *all_pairs(1, 2))
        np.testing.assert_allclose(distance, [0, 2], atol=1e-6)
        assert (distance >= 0).all()


@pytest.mark.parametrize("budget", [0, -1])
def test_budget_below_one_is_refused(budget):
    with pytest.raises(ValueError, match=f"budget must be at least 1 embedding, got {budget}"):
        GalleryAppearance(budget=budget)


@pytest.mark.parametrize("momentum", [-0.1, 1.0, 1.5, float("nan")])
def test_momentum_outside_its_range_is_refused(momentum):
    with pytest.raises(ValueError, match=r"momentum must be in \[0, 1\), got"):
        MeanAppearance(momentum=momentum)
