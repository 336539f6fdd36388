"""Is this track the continuation of that one? Ends and beginnings placed by hand."""

import numpy as np
import pytest

from deepsort_reid.tracking import AspectMotion, Linking
from deepsort_reid.tracking.refinement.linking import Ends, backwards, motion_at_end, unit_rows
from tests.tracking.people import looks, standing

MODEL = AspectMotion(velocity_noise=1 / 320)
UNIT = 1.0  # orthogonal looks are at cosine distance 1


def walk(start, pace, frames=30):
    """Boxes (frames, 4) of a person of height 50 who walks `pace` pixels a frame."""
    return np.concatenate([standing(start + pace * k) for k in range(frames)])


def ended(time, boxes, look=None):
    return ends([time], [boxes], look)


def begun(time, boxes, look=None):
    """Several persons' beginnings: their first boxes, the first one first."""
    reversed_in_time = ends([time], [boxes[::-1]], look)
    return Ends(reversed_in_time.time, backwards(reversed_in_time.motion), reversed_in_time.look)


def ends(time, series, look):
    rows = np.zeros((len(series), 0)) if look is None else np.atleast_2d(look).astype(float)
    return Ends(np.array(time, dtype=float), motion_at_end(MODEL, np.array(series)), rows)


def together(*parts):
    return Ends(
        *(np.concatenate([getattr(part, n) for part in parts]) for n in ("time", "motion", "look"))
    )


def links(earlier, later, unit=np.nan, **rule):
    return {tuple(pair) for pair in Linking(**rule)(earlier, later, unit).tolist()}


def test_who_goes_on_where_he_was_heading_is_linked():
    # 2 px a frame: last seen at 58 in frame 30, so at 64 in frame 33.
    earlier = ended(30, walk(0, 2))
    assert links(earlier, begun(33, walk(64, 2))) == {(0, 0)}
    assert links(earlier, begun(33, walk(64, -2))) == set()  # somebody who comes towards him
    assert links(earlier, begun(33, walk(140, 2))) == set()  # somebody elsewhere


def test_who_passes_is_not_linked_to_whom_he_passes():
    # One walks right and is last seen at 58, one walks left and is last seen at 66: in frame 33
    # they have passed each other.
    earlier = together(ended(30, walk(0, 2)), ended(30, walk(124, -2)))
    later = together(begun(33, walk(60, -2)), begun(33, walk(64, 2)))
    assert links(earlier, later) <= {(0, 1), (1, 0)}
    assert links(earlier, later, margin=0) == {(0, 1), (1, 0)}


def test_who_began_before_the_other_ended_is_never_linked():
    a = looks(1)
    for time in (30, 29, 3):
        found = Linking().evidence(ended(30, walk(0, 0), a), begun(time, walk(0, 0), a), UNIT)
        assert found.tolist() == [[-np.inf]]
        assert links(ended(30, walk(0, 0), a), begun(time, walk(0, 0), a), UNIT) == set()


def test_looks_bridge_what_motion_cannot_and_forbid_what_it_would_allow():
    a, b = looks(2)
    far = begun(230, walk(300, -1), a)
    assert links(ended(30, walk(0, 2)), begun(230, walk(300, -1))) == set()
    assert links(ended(30, walk(0, 2), a), far, UNIT) == {(0, 0)}
    assert links(ended(30, walk(0, 2), b), far, UNIT) == set()
    near = begun(33, walk(64, 2), a)
    assert links(ended(30, walk(0, 2), b), near, UNIT) == set()


def test_looks_without_a_unit_or_of_a_constant_embedder_say_nothing():
    a = looks(1)
    for unit in (np.nan, 0.0, 1e-6):
        assert links(ended(30, walk(0, 2), a), begun(230, walk(300, -1), a), unit) == set()
        assert links(ended(30, walk(0, 2), a), begun(33, walk(64, 2), a), unit) == {(0, 0)}


@pytest.mark.parametrize("width", [0, 16])
def test_a_row_of_zeros_or_of_nothing_is_no_look(width):
    a, nothing = looks(1), np.zeros((1, width))
    assert links(ended(30, walk(0, 2), a), begun(33, walk(64, 2), nothing), UNIT) == {(0, 0)}
    assert links(ended(30, walk(0, 2), nothing), begun(99, walk(64, 2), a), UNIT) == set()


def test_where_two_could_be_meant_nobody_is():
    a, b = looks(2)
    half = unit_rows((a + b)[None])  # the twin of both
    earlier = together(ended(30, walk(0, 0), a), ended(30, walk(0, 0), a))
    assert links(earlier, begun(33, walk(0, 0), a), UNIT) == set()
    assert links(earlier[np.array([0])], begun(33, walk(0, 0), a), UNIT) == {(0, 0)}
    later = together(begun(200, walk(300, 0), half), begun(210, walk(400, 0), half))
    assert links(ended(30, walk(0, 0), a), later, UNIT) == set()


def test_each_gets_his_own_when_all_together_fit():
    people = looks(3)
    earlier = together(*(ended(30, walk(100 * k, 0), people[k]) for k in range(3)))
    later = together(*(begun(300, walk(100 * k, 0), people[2 - k]) for k in range(3)))
    assert links(earlier, later, UNIT) == {(0, 2), (1, 1), (2, 0)}


def test_the_longer_the_gap_the_less_the_place_says():
    def place(gap, offset):
        found = Linking().evidence(ended(0, walk(0, 0)), begun(gap, walk(offset, 0)), np.nan)
        return float(found[0, 0])

    assert place(2, 0) > place(20, 0) > place(200, 0)
    assert place(2, 200) < place(20, 200) < place(200, 200)


def test_motion_at_the_end_is_known_from_what_was_seen():
    seen = walk(0, 2)
    holes = seen.copy()
    holes[[0, 1, 5, 6, 20]] = np.nan
    for boxes in (seen, holes):
        motion = motion_at_end(MODEL, boxes[None])[0]
        np.testing.assert_allclose(motion[0], [68, 125, 0.4, 50], atol=0.5)
        np.testing.assert_allclose(motion[1, :2], [2, 0], atol=0.2)
        np.testing.assert_allclose(backwards(motion[None])[0, 1, :2], [-2, 0], atol=0.2)


@pytest.mark.parametrize("n", [0, 2])
def test_nobody_links_to_nobody(n):
    some = ends([5] * n, np.zeros((n, 30, 4)) + standing(5), None)
    nobody = ends([], np.zeros((0, 30, 4)), None)
    assert links(some, nobody) == links(nobody, some) == set()


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ({"min_llr": np.nan}, "min_llr must be finite, got nan"),
        ({"min_llr_motion_only": np.inf}, "min_llr_motion_only must be finite, got inf"),
        ({"margin": np.inf}, "margin must be finite, got inf"),
        ({"forget_place": 0.0}, "forget_place must be above 0 frames, got 0.0"),
    ],
)
def test_numbers_that_mean_nothing_are_refused(numbers, message):
    with pytest.raises(ValueError, match=message):
        Linking(**numbers)
