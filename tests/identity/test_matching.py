import numpy as np
import pytest

from deepsort_reid.identity.gallery import GalleryView
from deepsort_reid.identity.matching import PersonMatching
from deepsort_reid.identity.prototypes import Prototypes

UNIT = 0.5  # mean distance between people, the default


def match(near, far, number=40):
    """The match of a track with persons 1 and 2 at these normalised distances."""
    track = np.eye(1, 8, dtype=np.float32)
    cosine = 1 - UNIT * np.array([near, far])
    rows = np.zeros((2, 8), dtype=np.float32)
    rows[:, 0], rows[[0, 1], [1, 2]] = cosine, np.sqrt(1 - cosine**2)
    one = np.ones(2, dtype=np.int64)
    view = GalleryView(rows, np.ones(2), np.array([1, 2]), np.array([1, 2]), one, one > 0)
    return PersonMatching().match(Prototypes(track, np.array([float(number)])), view)


@pytest.mark.parametrize(
    ("near", "far", "number", "person"),
    [
        (0.30, 0.60, 40, 1),
        (0.30, 0.45, 40, None),  # not clear
        (0.40, 0.90, 40, None),  # too far
        (0.04, 0.18, 40, 1),  # much nearer in proportion
        (0.04, 0.18, 3, None),  # of few embeddings
        (0.02, 0.03, 40, None),
    ],
)
def test_match_is_clear_by_a_margin_or_in_proportion(near, far, number, person):
    found = match(near, far, number)
    assert (found.person, found.nearest, found.runner_up) == (person, 1, 2)


def test_probabilities_fall_with_distance_and_are_shares():
    found = [match(near, 0.9) for near in (0.05, 0.3, 0.5, 0.8)]
    of_nearest = [each.probability_stored - each.runner_up_probability for each in found]
    assert of_nearest == sorted(of_nearest, reverse=True)
    for each in found:
        assert 0 <= each.runner_up_probability <= each.probability_stored <= 1
