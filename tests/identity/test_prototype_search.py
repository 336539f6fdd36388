"""Search with an index of faiss: the answers of numpy, and nothing left of what was removed."""

import sys
import warnings

import numpy as np
import pytest

from deepsort_reid.identity import PersonRegistry, prototype_search
from deepsort_reid.identity.gallery import Gallery
from deepsort_reid.identity.prototype_search import FaissIndex
from deepsort_reid.identity.prototypes import Prototypes
from tests.identity.people import People, directions, show
from tests.identity.test_random_operations import TOPOLOGY, World


@pytest.fixture
def indexed(monkeypatch):
    """Registries and galleries use an index from the second row on."""
    monkeypatch.setattr("deepsort_reid.identity.gallery.MAX_EXACT_ROWS", 1)


def gallery_of(number):
    gallery = Gallery()
    for track, row in enumerate(directions(number), start=1):
        gallery.replace(track, Prototypes(row[None], np.ones(1)))
    return gallery


def persons_of(registry):
    return {track[:3]: track.person_id for row in registry.persons.values() for track in row}


def indexed_rows(gallery):
    """Rows of the gallery that are in its index, whatever the search finds."""
    gallery.candidates(directions(1, seed=5))
    inverted = gallery._index._faiss
    assert inverted.ntotal == gallery._index._added.sum()
    return set(np.flatnonzero(gallery._index._added).tolist())


def test_index_that_searches_all_lists_finds_the_nearest_rows_of_numpy():
    embedding, queries = directions(3000, seed=1), directions(40, seed=2)
    used = np.arange(3000) % 3 > 0
    index = FaissIndex(embedding, len(embedding), num_probed=10_000)
    index.update(embedding, used)
    assert len(index) == 2000
    for query in queries:
        similarity = np.where(used, embedding @ query, -2)
        # float16 may exchange two that are equally near: five of the nearest eight.
        nearest = set(np.argsort(-similarity)[:5].tolist())
        assert nearest <= set(index.nearest(query[None], 8).tolist())


def test_index_with_default_lists_finds_nearly_all_noisy_copies():
    embedding = directions(5_000, seed=1)
    index = FaissIndex(embedding, len(embedding))
    index.update(embedding, np.ones(len(embedding), dtype=bool))
    shown = np.arange(0, 5_000, 50)
    noise = directions(len(shown), seed=3)
    queries = embedding[shown] + 0.5 * noise
    queries /= np.linalg.norm(queries, axis=1, keepdims=True)
    pairs = zip(shown, queries, strict=True)
    found = [row in index.nearest(query[None], 4) for row, query in pairs]
    assert np.mean(found) > 0.9


@pytest.mark.parametrize("seed", range(3))
def test_registry_with_an_index_equals_one_without(seed, monkeypatch):
    exact = World(PersonRegistry(topology=TOPOLOGY), seed)
    monkeypatch.setattr("deepsort_reid.identity.gallery.MAX_EXACT_ROWS", 1)
    monkeypatch.setattr(prototype_search, "_BATCH_ROWS", 7)
    with_index = World(PersonRegistry(topology=TOPOLOGY), seed)
    for step in range(100):
        for world in (exact, with_index):
            world.correction() if step % 10 == 9 else world.frame()
        assert persons_of(exact.registry) == persons_of(with_index.registry)
    gallery = with_index.registry._records.gallery
    assert indexed_rows(gallery) == set(np.flatnonzero(gallery.track >= 0).tolist())


def test_removed_and_replaced_tracks_are_not_in_the_index(indexed):
    gallery = gallery_of(30)
    assert indexed_rows(gallery) == set(range(30))
    gallery.remove(3)
    gallery.replace(7, Prototypes(directions(2, seed=9), np.ones(2)))
    assert not gallery._index._added[[2, 6]].any()  # at once, not with the next search
    assert indexed_rows(gallery) == set(range(32)) - {2, 6}


def test_undone_changes_are_not_in_the_index(indexed):
    gallery = gallery_of(10)
    removed, backup = gallery.rows_of(4), gallery.backup(6)
    gallery.remove(4)
    gallery.replace(6, Prototypes(directions(3, seed=9), np.ones(3)))
    assert indexed_rows(gallery) == set(range(13)) - {3, 5}
    gallery.restore(backup)
    gallery.put_back(*removed)
    assert indexed_rows(gallery) == set(range(10))
    similarity = gallery._index._faiss.search(gallery.embedding, 1)[0][:, 0]
    np.testing.assert_allclose(similarity, 1, atol=1e-3)


def test_index_after_an_interrupted_change_is_made_anew(indexed, monkeypatch):
    gallery = gallery_of(10)
    indexed_rows(gallery)
    index = gallery._index
    monkeypatch.setattr(index, "_added", None)
    with pytest.raises(TypeError):
        gallery.candidates(directions(1))
    index.is_complete = False
    assert indexed_rows(gallery) == set(range(10))
    assert gallery._index is not index


def test_forgotten_and_outdated_persons_are_not_in_the_index(indexed):
    people, registry = People(), PersonRegistry(keep_for=60)
    show(registry, people, {1: 0, 2: 1, 3: 2}, ended=(1, 2, 3))
    show(registry, people, {4: 3, 5: 4}, start=20)
    gallery = registry._records.gallery
    before = indexed_rows(gallery)
    forgotten = registry.person_of("door", 2)
    vectors = registry.gallery(forgotten).embedding
    registry.forget(forgotten)
    assert gallery._index._faiss.ntotal == len(before) - len(vectors)
    similarity = gallery._index._faiss.search(vectors, 1)[0]
    assert similarity.max() < 0.9
    registry._records.rows["updated"][:3] -= 61
    registry._operations.remove_outdated()
    kept = set(np.flatnonzero(gallery.track >= 4).tolist())
    assert gallery._index._faiss.ntotal == len(kept) == len(indexed_rows(gallery))


def test_without_faiss_numpy_searches_and_one_warning_says_so(indexed, monkeypatch):
    monkeypatch.setitem(sys.modules, "faiss", None)
    monkeypatch.setattr(prototype_search, "_is_warned", False)
    gallery, query = gallery_of(5), directions(1, seed=5)
    with pytest.warns(UserWarning, match=r"deepsort-reid\[cluster\]"):
        assert gallery.candidates(query) == slice(None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert gallery.candidates(query) == slice(None)
