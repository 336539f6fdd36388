"""benchmarks/reid_evaluation.py on few samples."""

import pytest

from benchmarks import reid_evaluation
from deepsort_reid.reid.data.datasets import Sample


def test_random_embeddings_score_at_chance_level():
    samples = [Sample("x.jpg", f"{row % 4:04d}", camera=1 + row % 3) for row in range(240)]
    result = reid_evaluation.evaluate_random_embeddings(samples[:40], samples, 8)
    # Each query has one of four identities (all four count), and two of three cameras.
    assert 0.1 < result.mean_average_precision < 0.35


@pytest.mark.data
@pytest.mark.slow
def test_report_has_the_size_of_the_full_evaluation(data_root, capsys):
    assert reid_evaluation.main(["--data", str(data_root), "--embedding-dim", "16"]) == 0
    assert "3368 x 19732 at 16:" in capsys.readouterr().out
