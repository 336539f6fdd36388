"""benchmarks/registry_scale.py and its simulated persons on a small scale."""

import json

import numpy as np
import pytest

from benchmarks import registry_scale
from benchmarks.lib.registry_population import Population, TrackPrototypes, nearest_other
from deepsort_reid.identity import PersonRegistry
from deepsort_reid.identity.registry_state import VERSION, records_from_state

DIM, PEOPLE, TRACKS = 32, 40, 4


@pytest.fixture(scope="module")
def real():
    """Tracks of 40 people under four cameras, two prototypes each, far apart from one another."""
    rng = np.random.default_rng(0)
    person = np.repeat(np.arange(PEOPLE), 2 * TRACKS)
    track = np.repeat(np.arange(PEOPLE * TRACKS), 2)
    rows = rng.normal(size=(PEOPLE, DIM))[person] + 0.2 * rng.normal(size=(len(person), DIM))
    rows += 0.3 * rng.normal(size=(TRACKS, DIM))[track % TRACKS]
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return TrackPrototypes(rows, track % TRACKS, person, track)


def test_simulated_persons_are_as_similar_as_the_real_ones(real):
    rng = np.random.default_rng(1)
    population = Population(real, 50, rng)
    seeds, means = population.persons(PEOPLE)
    parts = [population.tracks(seeds, means, rng.integers(50, size=PEOPLE), k) for k in range(3)]
    rows, person = (np.concatenate(each) for each in zip(*parts, strict=True))
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, rtol=1e-5)
    assert nearest_other(rows, person) == pytest.approx(
        nearest_other(real.embedding, real.person), abs=0.1
    )
    own = [rows[person == each] for each in range(PEOPLE)]
    assert np.median([np.median(each @ each.T) for each in own]) > 0.75


def test_nearest_other_is_the_median_of_the_largest_cosine():
    rows = np.array([[1, 0], [0, 1], [0.6, 0.8], [-1, 0]], dtype=np.float32)
    # Person 0: cosine 1 with none, 0.6 with the third row; persons 1, 2: 0.8; person 3: 0.
    assert nearest_other(rows, np.arange(4)) == pytest.approx(np.median([0.6, 0.8, 0.8, 0]))


def test_persons_of_the_state_are_found_by_their_tracks(real):
    state, queries = registry_scale.registry_of(real, persons=60, queries=20, seed=0)
    registry = PersonRegistry(keep_for=None)
    matching = registry_scale.calibrated(registry, real)
    whole = {"version": VERSION, "embedder": "", "matching": matching, "records": state}
    registry.load_state_dict(whole)
    assert len(registry.persons) == 60
    assert (queries.person > 0).sum() == 10
    before = str(registry.state_dict())
    found = registry_scale.ask(registry, queries, 20)
    assert str(registry.state_dict()) == before  # queries leave nothing
    assert found["queries"] == 20
    assert found["rank 1"] >= 0.9
    assert 0 <= found["recall"] <= found["rank 1"]


def test_file_of_the_records_is_measured_and_removed(real, tmp_path):
    state, _ = registry_scale.registry_of(real, persons=30, queries=4, seed=0)
    records = records_from_state(state)
    found = registry_scale.stored(records, tmp_path, PersonRegistry().matching.state_dict())
    assert found["disk MB"] > 0
    assert found["open"]["seconds"] > 0
    assert list(tmp_path.iterdir()) == []
    row = {"queries": 4, "p50": 1.0, "p99": 2.0, "precision": 1.0, "recall": 0.5, "rank 1": 0.9}
    result = {"prototypes": 90, "MB": 1.0, "MB with index": 2.0, "build": 0.1, "peak MB": 99.0}
    lines = registry_scale.report(
        30, json.loads(json.dumps(result | found | dict.fromkeys(("exact", "faiss"), row)))
    )
    assert [line.split()[2] for line in lines[:2]] == ["exact", "faiss"]
