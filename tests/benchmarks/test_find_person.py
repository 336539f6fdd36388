"""benchmarks/find_person.py on a small sequence."""

import numpy as np
import pytest

from benchmarks import find_person
from deepsort_reid.reid.person_search import Gallery, LastMatch
from deepsort_reid.structures.mot_rows import MotRows


@pytest.mark.parametrize("make_reference", [LastMatch, Gallery])
@pytest.mark.parametrize(("frames", "present"), [(3, 3), (0, 9)])
def test_person_is_found_in_every_frame(make_reference, frames, present):
    frame = np.repeat(np.arange(1, 11), 2)
    box = np.array([[0, 0, 10, 20], [50, 0, 60, 20]], float)
    truth = MotRows(frame, np.tile([1, 2], 10), np.tile(box, (10, 1)))
    embedding = np.tile(np.eye(2, dtype=np.float32), (10, 1))
    summary = find_person.search(truth, embedding, 2, make_reference, frames, 0.7)
    assert (summary.frames_present, summary.recall) == (present, 1)
    assert summary.results[0].frame == 2
