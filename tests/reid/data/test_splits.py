"""Splits of a dataset: no leakage, determinism, errors."""

import numpy as np
import pytest

from deepsort_reid.reid.data.datasets import Sample
from deepsort_reid.reid.data.splits import (
    check_validation,
    split_by_identity,
    split_by_image,
    split_by_time,
    split_last,
)
from deepsort_reid.reid.evaluation.retrieval import evaluate_each_against_all


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


def test_image_split_has_the_given_share_of_the_images():
    train, validation = split_by_image(make_samples(), seed=5)
    assert (len(train), len(validation)) == (360, 40)


def test_splits_depend_only_on_the_seed():
    for split in (split_by_identity, split_by_time, split_by_image):
        assert split(make_samples(), 0.3, seed=1) == split(make_samples(), 0.3, seed=1)
        assert split(make_samples(), 0.3, seed=1) != split(make_samples(), 0.3, seed=2)


@pytest.mark.parametrize("share", [0, 1, -0.1])
def test_share_outside_0_to_1_is_rejected(share):
    with pytest.raises(ValueError, match="between 0 and 1"):
        split_by_identity(make_samples(), share)


def samples_of(*identities_and_cameras):
    return [Sample(f"{row}.jpg", *each) for row, each in enumerate(identities_and_cameras)]


@pytest.mark.parametrize(
    ("samples", "reason"),
    [
        ([], "at least two identities, got 0 images of 0"),
        (samples_of(("a",), ("a",)), "at least two identities, got 2 images of 1"),
        (samples_of(("a",), ("b",)), "two images, got none among 2 identities with 2 images"),
        (samples_of(("a", 1), ("a", 1), ("b", 2)), "two images of two cameras, got none"),
        (samples_of(("-1",), ("-1",), ("a",)), "at least two identities, got 3 images of 1"),
    ],
)
def test_validation_without_a_correct_match_is_rejected(samples, reason):
    with pytest.raises(ValueError, match=f"validation: expected .*{reason}.* or --split none"):
        check_validation(samples)


@pytest.mark.parametrize(
    "samples",
    [
        samples_of(("a",), ("a",), ("b",)),
        samples_of(("a", 1), ("a", 2), ("b", 1)),
        # Cameras count only where all are known.
        samples_of(("a", 1), ("a", 1), ("b", -1)),
    ],
)
def test_validation_with_a_correct_match_is_accepted(samples):
    check_validation(samples)
    identity = [sample.identity for sample in samples]
    camera = [sample.camera for sample in samples]
    embedding = np.ones((len(samples), 2))
    evaluate_each_against_all(embedding, identity, camera=None if min(camera) < 0 else camera)


@pytest.mark.parametrize(("share", "count"), [(0.2, 2), (0.01, 1), (0.99, 8)])
def test_last_images_are_for_validation(share, count):
    samples = make_samples(1, 9)
    train, validation = split_last(samples, share)
    assert (train, validation) == (samples[:-count], samples[-count:])


def test_single_image_cannot_be_split():
    with pytest.raises(ValueError, match="expected at least 2 images, got 1: use --split none"):
        split_last(make_samples(1, 1))
