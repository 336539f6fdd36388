"""Linking of track fragments, with ends and beginnings placed by hand."""

import numpy as np
import pytest

from deepsort_reid.tracking import AspectMotion, Linking
from deepsort_reid.tracking.refinement.linking import (
    TrackEndpoints,
    motion_at_end,
    normalize_rows,
    reverse_time,
)
from tests.tracking.scenarios import boxes_at, orthogonal_embeddings

MOTION_MODEL = AspectMotion(velocity_noise=1 / 320)
ORTHOGONAL = 1.0  # inter-identity distance of orthogonal embeddings


def walk(start, speed, frames=30):
    """Boxes (frames, 4) of a person of height 50 who walks `speed` pixels per frame."""
    return np.concatenate([boxes_at(start + speed * k) for k in range(frames)])


def ended(time, boxes, embedding=None):
    """The end of one track, from its last boxes in the order of time."""
    return endpoints([time], [boxes], embedding)


def begun(time, boxes, embedding=None):
    """The beginning of one track, from its first boxes in the order of time."""
    reversed_track = endpoints([time], [boxes[::-1]], embedding)
    return TrackEndpoints(
        reversed_track.time, reverse_time(reversed_track.motion), reversed_track.embedding
    )


def endpoints(times, series, embedding):
    no_embedding = np.zeros((len(series), 0))
    rows = no_embedding if embedding is None else np.atleast_2d(embedding).astype(float)
    motion = motion_at_end(MOTION_MODEL, np.array(series))
    return TrackEndpoints(np.array(times, dtype=float), motion, rows)


def concatenate(*parts):
    columns = ("time", "motion", "embedding")
    return TrackEndpoints(*(np.concatenate([getattr(p, name) for p in parts]) for name in columns))


def links(earlier, later, inter_identity_distance=np.nan, **fields):
    pairs = Linking(**fields)(earlier, later, inter_identity_distance)
    return {tuple(pair) for pair in pairs.tolist()}


def test_track_that_continues_at_the_predicted_position_is_linked():
    # At 2 px per frame, last observed at 58 in frame 30: predicted at 64 in frame 33.
    earlier = ended(30, walk(0, 2))
    assert links(earlier, begun(33, walk(64, 2))) == {(0, 0)}
    assert links(earlier, begun(33, walk(64, -2))) == set()  # a person in the opposite direction
    assert links(earlier, begun(33, walk(140, 2))) == set()  # a person elsewhere


def test_people_who_pass_each_other_are_not_linked_to_each_other():
    # One walks right and was last observed at 58, one walks left and was last observed at 66. In
    # frame 33 they have passed each other.
    earlier = concatenate(ended(30, walk(0, 2)), ended(30, walk(124, -2)))
    later = concatenate(begun(33, walk(60, -2)), begun(33, walk(64, 2)))
    assert links(earlier, later) <= {(0, 1), (1, 0)}
    assert links(earlier, later, margin=0) == {(0, 1), (1, 0)}


def test_track_that_begins_before_the_other_ends_is_not_linked():
    a = orthogonal_embeddings(1)
    for time in (30, 29, 3):
        earlier, later = ended(30, walk(0, 0), a), begun(time, walk(0, 0), a)
        llr = Linking().log_likelihood_ratio(earlier, later, ORTHOGONAL)
        assert llr.tolist() == [[-np.inf]]
        assert links(earlier, later, ORTHOGONAL) == set()


def test_appearance_can_support_a_link_over_a_long_gap_and_can_forbid_a_link_by_motion():
    a, b = orthogonal_embeddings(2)
    far = begun(230, walk(300, -1), a)
    assert links(ended(30, walk(0, 2)), begun(230, walk(300, -1))) == set()
    assert links(ended(30, walk(0, 2), a), far, ORTHOGONAL) == {(0, 0)}
    assert links(ended(30, walk(0, 2), b), far, ORTHOGONAL) == set()
    near = begun(33, walk(64, 2), a)
    assert links(ended(30, walk(0, 2), b), near, ORTHOGONAL) == set()


def test_appearance_is_disabled_without_a_usable_inter_identity_distance():
    a = orthogonal_embeddings(1)
    for distance in (np.nan, 0.0, 1e-6):
        earlier = ended(30, walk(0, 2), a)
        assert links(earlier, begun(230, walk(300, -1), a), distance) == set()
        assert links(earlier, begun(33, walk(64, 2), a), distance) == {(0, 0)}


@pytest.mark.parametrize("width", [0, 16])
def test_row_of_zeros_is_no_embedding(width):
    a, none = orthogonal_embeddings(1), np.zeros((1, width))
    earlier, near = ended(30, walk(0, 2), a), begun(33, walk(64, 2), none)
    assert links(earlier, near, ORTHOGONAL) == {(0, 0)}
    earlier, far = ended(30, walk(0, 2), none), begun(99, walk(64, 2), a)
    assert links(earlier, far, ORTHOGONAL) == set()


def test_ambiguous_tracks_are_not_linked():
    a, b = orthogonal_embeddings(2)
    between = normalize_rows((a + b)[None])
    earlier = concatenate(ended(30, walk(0, 0), a), ended(30, walk(0, 0), a))
    assert links(earlier, begun(33, walk(0, 0), a), ORTHOGONAL) == set()
    assert links(earlier[np.array([0])], begun(33, walk(0, 0), a), ORTHOGONAL) == {(0, 0)}
    later = concatenate(begun(200, walk(300, 0), between), begun(210, walk(400, 0), between))
    assert links(ended(30, walk(0, 0), a), later, ORTHOGONAL) == set()


def test_several_tracks_are_linked_by_one_assignment():
    embeddings = orthogonal_embeddings(3)
    earlier = concatenate(*(ended(30, walk(100 * k, 0), embeddings[k]) for k in range(3)))
    later = concatenate(*(begun(300, walk(100 * k, 0), embeddings[2 - k]) for k in range(3)))
    assert links(earlier, later, ORTHOGONAL) == {(0, 2), (1, 1), (2, 0)}


def test_position_counts_less_the_longer_the_gap():
    def llr(gap, offset):
        earlier, later = ended(0, walk(0, 0)), begun(gap, walk(offset, 0))
        return float(Linking().log_likelihood_ratio(earlier, later, np.nan)[0, 0])

    assert llr(2, 0) > llr(20, 0) > llr(200, 0)
    assert llr(2, 200) < llr(20, 200) < llr(200, 200)


def test_motion_at_the_end_is_estimated_from_the_observed_frames():
    complete = walk(0, 2)
    with_gaps = complete.copy()
    with_gaps[[0, 1, 5, 6, 20]] = np.nan
    for boxes in (complete, with_gaps):
        motion = motion_at_end(MOTION_MODEL, boxes[None])[0]
        np.testing.assert_allclose(motion[0], [68, 125, 0.4, 50], atol=0.5)
        np.testing.assert_allclose(motion[1, :2], [2, 0], atol=0.2)
        np.testing.assert_allclose(reverse_time(motion[None])[0, 1, :2], [-2, 0], atol=0.2)


@pytest.mark.parametrize("n", [0, 2])
def test_no_tracks_give_no_links(n):
    some = endpoints([5] * n, np.zeros((n, 30, 4)) + boxes_at(5), None)
    none = endpoints([], np.zeros((0, 30, 4)), None)
    assert links(some, none) == links(none, some) == set()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"min_llr": np.nan}, "min_llr must be finite, got nan"),
        ({"min_llr_motion_only": np.inf}, "min_llr_motion_only must be finite, got inf"),
        ({"margin": np.inf}, "margin must be finite, got inf"),
        ({"position_memory": 0.0}, "position_memory must be a number above 0, got 0.0"),
    ],
)
def test_invalid_fields_are_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        Linking(**fields)
