"""The scripts that measure retrieval and search, in a tiny setting."""

import numpy as np
import pytest

from benchmarks import find_person, reid_evaluation
from deepsort_reid.reid.data.datasets import Sample
from deepsort_reid.reid.person_search import Gallery, LastMatch
from deepsort_reid.structures.mot_rows import MotRows


@pytest.mark.parametrize("make", [LastMatch, Gallery])
@pytest.mark.parametrize(("frames", "present"), [(3, 3), (0, 9)])
def test_a_person_is_followed_among_the_labelled_boxes(make, frames, present):
    frame = np.repeat(np.arange(1, 11), 2)
    box = np.array([[0, 0, 10, 20], [50, 0, 60, 20]], float)
    truth = MotRows(frame, np.tile([1, 2], 10), np.tile(box, (10, 1)))
    embedding = np.tile(np.eye(2, dtype=np.float32), (10, 1))
    search = find_person.follow(truth, embedding, 2, make, frames, 0.7)
    assert (search.frames_present, search.recall) == (present, 1)
    assert search.results[0].frame == 2


def test_random_embeddings_score_as_chance_does():
    samples = [Sample("x.jpg", f"{row % 4:04d}", camera=1 + row % 3) for row in range(240)]
    result = reid_evaluation.evaluate_at_random(samples[:40], samples, 8)
    # Asked for one of four people, of whom "0000" counts like anybody here; two cameras in three.
    assert 0.1 < result.mean_average_precision < 0.35


@pytest.mark.data
@pytest.mark.slow
def test_the_cost_of_a_full_evaluation_is_printed(data_root, capsys):
    assert reid_evaluation.main(["--data", str(data_root), "--width", "16"]) == 0
    assert "3368 x 19732 at 16:" in capsys.readouterr().out
