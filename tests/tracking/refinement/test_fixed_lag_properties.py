"""Properties of fixed-lag output on random scenes: people stand, leave, and return anywhere."""

import numpy as np
import pytest

from deepsort_reid import DeepSort, DeepSortConfig, Detections, FixedLag
from tests.tracking.scenarios import orthogonal_embeddings, perturbed

FRAMES = 80


def random_scene(rng):
    """Detections of 2 to 9 people who drift around one of four positions.

    A person who leaves stays away for up to 13 frames, and returns at the same or another position.
    """
    people, positions = int(rng.integers(2, 10)), 150.0 * np.arange(4)
    embedding, embedded = orthogonal_embeddings(people), rng.random() < 0.7
    position, away = rng.integers(0, 4, people), rng.integers(0, 10, people)
    velocity, left = rng.normal(0, 1.5, people), positions[position]
    for _ in range(FRAMES):
        leaves = (away == 0) & (rng.random(people) < 0.06)
        away = np.where(leaves, rng.integers(1, 14, people), np.maximum(away - 1, 0))
        elsewhere = leaves & (rng.random(people) < 0.5)
        position = np.where(elsewhere, rng.integers(0, 4, people), position)
        left = np.where(leaves, positions[position] + rng.normal(0, 5, people), left + velocity)
        seen = np.flatnonzero((away == 0) & (rng.random(people) < 0.9))
        x, y = left[seen] + rng.normal(0, 1, len(seen)), 100 + 30.0 * (seen % 3)
        yield Detections(
            np.column_stack([x, y, x + 30, y + 80]),
            rng.uniform(0.5, 1, len(seen)),
            embedding=perturbed(embedding[seen], rng) if embedded else None,
        )


def random_fixed_lag(rng):
    config = DeepSortConfig(
        max_age=int(rng.choice([2, 5, 30])),
        reuse_ids=bool(rng.choice([False, True])),
    )
    return FixedLag(DeepSort(config), int(rng.choice([1, 5, 12, 30, 60])))


# In the scenes above 100, people return to a position within the lag after being elsewhere.
@pytest.mark.parametrize("seed", [*range(12), 128, 136, 192])
def test_emitted_rows_are_matches_or_filled_gaps_with_unique_ids(seed):
    rng = np.random.default_rng(seed)
    scene, fixed_lag = list(random_scene(rng)), random_fixed_lag(rng)
    emitted = [lagged for detections in scene if (lagged := fixed_lag.update(detections))]
    emitted += fixed_lag.flush()
    assert [number for number, _ in emitted] == list(range(1, FRAMES + 1))
    misses_by_id = []  # for each frame
    for (_, tracks), detections in zip(emitted, scene, strict=True):
        assert len(np.unique(tracks.id)) == len(tracks)
        assert (tracks.id > 0).all()
        assert (tracks.age >= 1).all()
        assert (tracks.score > 0).all()
        assert (tracks.misses < tracks.age).all()
        matched = tracks.detection >= 0
        assert ((tracks.misses == 0) == matched).all()
        rows = tracks.detection[matched]
        assert len(np.unique(rows)) == len(rows)
        np.testing.assert_array_equal(tracks.score[matched], detections.score[rows])
        misses_by_id.append(dict(zip(tracks.id.tolist(), tracks.misses.tolist(), strict=True)))
    # A row without a match is in a gap: the id is reported in each frame from the last match before
    # the gap to the first match after it.
    before = {}
    for frame, misses in enumerate(misses_by_id):
        for id in (id for id, count in misses.items() if count > 0):
            assert before.get(id) == misses[id] - 1, f"gap of track {id} in frame {frame + 1}"
        in_gap = {id for id, count in before.items() if count > 0}
        assert in_gap <= misses.keys(), f"unfinished gap in frame {frame + 1}"
        before = misses
    assert not any(before.values())
