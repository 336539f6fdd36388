"""Splits of a dataset: no leakage, determinism, errors."""

import warnings

import numpy as np
import pytest

from deepsort_reid.reid.data.datasets import Sample
from deepsort_reid.reid.data.splits import split_by_identity, split_by_image, split_by_time


def make_samples(identities=10, frames=40, step=5):
    """Samples without files: one track for each identity."""
    return [
        Sample(f"{p}_{f}.jpg", f"p{p}", frame=f * step, track=f"seq/{p}")
        for p in range(identities)
        for f in range(frames)
    ]


def test_identity_split_has_no_common_identity():
    train, validation = split_by_identity(make_samples(), 0.3, seed=3)
    assert not {s.identity for s in train} & {s.identity for s in validation}
    assert len({s.identity for s in validation}) == 3
    assert len(train) + len(validation) == 400


@pytest.mark.parametrize(
    ("identities", "share", "held_out"), [(7, 0.2, 2), (4, 0.01, 2), (6, 0.9, 4)]
)
def test_identity_split_keeps_two_identities_on_both_sides(identities, share, held_out):
    train, validation = split_by_identity(make_samples(identities), share)
    assert len({s.identity for s in validation}) == held_out
    assert len({s.identity for s in train}) == identities - held_out


def test_identity_split_of_too_few_identities_is_rejected():
    with pytest.raises(
        ValueError, match=r"4 identities, .*, got 3: use --split time .* --split none"
    ):
        split_by_identity(make_samples(identities=3))


@pytest.mark.parametrize("gap", [0, 12, 50])
def test_time_split_keeps_the_gap_in_every_track(gap):
    train, validation = split_by_time(make_samples(), 0.25, gap=gap, seed=1)
    assert validation
    for track in {s.track for s in validation}:
        training = np.array([s.frame for s in train if s.track == track])
        held_out = np.array([s.frame for s in validation if s.track == track])
        assert np.abs(training[:, None] - held_out).min() > gap


def test_time_split_keeps_images_of_one_frame_together():
    twice = [Sample(f"{f}_{c}", "p", frame=f, track="t") for f in range(10) for c in "ab"]
    train, validation = split_by_time(twice, 0.25, gap=0)
    assert not {s.frame for s in train} & {s.frame for s in validation}


def test_track_too_short_for_the_gap_is_used_for_training():
    train, validation = split_by_time(make_samples(identities=1, frames=5, step=1), 0.2, gap=50)
    assert (len(train), len(validation)) == (5, 0)


def test_track_whose_share_rounds_to_zero_is_used_for_training():
    train, validation = split_by_time(make_samples(frames=2, step=100), 0.2, gap=0)
    assert (len(train), len(validation)) == (20, 0)


def test_time_split_without_frame_numbers_is_rejected():
    with pytest.raises(ValueError, match=r"a\.jpg has none; use crops with a manifest"):
        split_by_time([Sample("a.jpg", "p")])


def test_image_split_warns_about_leakage():
    with pytest.warns(UserWarning, match="overestimates every score"):
        train, validation = split_by_image(make_samples(), seed=5)
    assert (len(train), len(validation)) == (360, 40)


def test_splits_depend_only_on_the_seed():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        for split in (split_by_identity, split_by_time, split_by_image):
            assert split(make_samples(), 0.3, seed=1) == split(make_samples(), 0.3, seed=1)
            assert split(make_samples(), 0.3, seed=1) != split(make_samples(), 0.3, seed=2)


@pytest.mark.parametrize("share", [0, 1, -0.1])
def test_share_outside_0_to_1_is_rejected(share):
    with pytest.raises(ValueError, match="between 0 and 1"):
        split_by_identity(make_samples(), share)
