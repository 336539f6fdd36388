"""benchmarks/person_pairs.py: which tracks are a pair, and the image of them."""

from pathlib import Path

import numpy as np

from benchmarks import person_pairs
from benchmarks.lib.inputs import Input
from benchmarks.person_pairs import Pair, TrackBoxes
from deepsort_reid.structures.detections import Detections
from deepsort_reid.structures.mot_rows import MotRows


def boxes(first, last):
    number = np.arange(first, last + 1)
    return TrackBoxes(number, np.tile([10.0, 10, 40, 90], (len(number), 1)))


def test_pairs_are_successive_tracks_of_a_person():
    tracks = {1: boxes(1, 4), 2: boxes(1, 9), 3: boxes(6, 9), 5: boxes(12, 20), 6: boxes(8, 10)}
    person_of = {1: 1, 2: 2, 3: 1, 5: 1, 6: 2}
    assert person_pairs.pairs_of(tracks, person_of) == [
        Pair(1, 1, 3, shares_frame=False),
        Pair(1, 3, 5, shares_frame=False),
        Pair(2, 2, 6, shares_frame=True),
    ]


def test_image_has_a_row_for_each_person(monkeypatch):
    images = [np.full((100, 60, 3), 10 * number, dtype=np.uint8) for number in range(20)]
    sequence = Input("street", Path(), MotRows.empty(), "plain", (Detections.empty(),) * 20)
    monkeypatch.setattr(Input, "frames", lambda self: iter(images))
    tracks = {1: boxes(1, 4), 2: boxes(1, 9), 3: boxes(6, 9), 4: boxes(12, 18)}
    one = person_pairs.draw(sequence, tracks, [Pair(1, 1, 3, shares_frame=False)])
    pairs = [Pair(1, 1, 3, shares_frame=False), Pair(2, 2, 4, shares_frame=False)]
    two = person_pairs.draw(sequence, tracks, pairs)
    assert two.shape[1] == one.shape[1]
    assert two.shape[0] > 1.8 * one.shape[0]
