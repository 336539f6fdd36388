import pytest

from deepsort_reid import metrics
from tests.metrics import oracle


@pytest.mark.parametrize("block", range(10))
def test_every_field_equals_trackeval_on_random_small_scenes(block: int) -> None:
    sequences, total = {}, metrics.Scores()
    for seed in range(60 * block, 60 * block + 60):
        truth, predicted, frames = oracle.random_scene(seed)
        theirs = oracle.trackeval_scores(oracle.trackeval_data(truth, predicted, frames))
        ours = metrics.evaluate(truth, predicted, frames=frames)
        oracle.assert_equal_in_every_field(oracle.our_scores(ours), theirs)
        sequences[str(seed)] = theirs
        total += ours
    combined = oracle.our_scores(total)
    oracle.assert_equal_in_every_field(combined, oracle.trackeval_combined(sequences))
