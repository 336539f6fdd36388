"""Output ids: swaps keep the mapping one to one."""

import numpy as np

from deepsort_reid.tracking.refinement.output_ids import OutputIds


def test_swapped_ids_stay_unique():
    rng, output_ids = np.random.default_rng(0), OutputIds()
    for _ in range(100):
        output_ids.swap(*rng.integers(1, 20, 2).tolist())
        assert sorted(output_ids.of(id) for id in range(1, 20)) == list(range(1, 20))


def test_pruning_keeps_the_output_ids_that_are_used():
    rng, output_ids = np.random.default_rng(0), OutputIds()
    for _ in range(100):
        output_ids.swap(*rng.integers(1, 20, 2).tolist())
    before = {id: output_ids.of(id) for id in (3, 5, 8)}
    output_ids.prune({3, 5, 8}.__contains__)
    assert {id: output_ids.of(id) for id in (3, 5, 8)} == before
    assert len(output_ids) <= 6
    output_ids.prune(lambda id: False)
    assert len(output_ids) == 0
