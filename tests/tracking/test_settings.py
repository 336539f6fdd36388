"""Every field of every setting: other types are refused, extreme numbers refused or harmless."""

from dataclasses import fields, replace

import numpy as np
import pytest

from deepsort_reid import DeepSort, DeepSortConfig, Detections, FixedLag
from deepsort_reid.tracking import (
    AppearanceLLR,
    AspectMotion,
    GalleryAppearance,
    LikelihoodRatio,
    Linking,
    MatchingCascade,
    MeanAppearance,
    MotionLLR,
    SizeMotion,
)
from tests.tracking.scenarios import crowd

# A setting and the tracker that uses it.
TRACKERS = {
    DeepSortConfig: DeepSort,
    LikelihoodRatio: lambda each: DeepSort(association=each),
    MotionLLR: lambda each: DeepSort(association=LikelihoodRatio(motion=each)),
    AppearanceLLR: lambda each: DeepSort(association=LikelihoodRatio(appearance=each)),
    MatchingCascade: lambda each: DeepSort(association=each),
    AspectMotion: lambda each: DeepSort(motion=each),
    SizeMotion: lambda each: DeepSort(motion=each),
    MeanAppearance: lambda each: DeepSort(appearance=each),
    GalleryAppearance: lambda each: DeepSort(appearance=each),
    Linking: lambda each: FixedLag(DeepSort(), 3, linking=each),
}
FIELDS = [(kind, field.name) for kind in TRACKERS for field in fields(kind)]
NO_NUMBERS = (None, "1", b"1", 1j, np.nan, [1], (), {}, object(), np.array([0.5, 0.5]), 10**400)
EXTREMES = (
    *(0, -1, 1e-320, -1e-320, 1e-9, 1e9, 1e100, -1e100, 1e308, -1e308, np.inf, -np.inf),
    *(10**9, -(10**9), 2**31, 2**63, 2**64 - 1, True, False, np.float32(0.5), np.int8(3)),
)
each_field = pytest.mark.parametrize(
    ("kind", "name"), FIELDS, ids=[f"{kind.__name__}.{name}" for kind, name in FIELDS]
)


@each_field
def test_value_that_is_no_number_is_refused(kind, name):
    for value in NO_NUMBERS:
        with pytest.raises(ValueError, match=name):
            replace(kind(), **{name: value})


@each_field
def test_extreme_value_is_refused_or_works_without_a_warning(kind, name):
    used = 0
    for value in EXTREMES:
        try:
            setting = replace(kind(), **{name: value})
        except ValueError as error:
            assert name in str(error)  # noqa: PT017
            continue
        if name == "budget" and value > 1000:  # would need that much memory
            continue
        used += 1
        tracker = TRACKERS[kind](setting)
        for number, detections in enumerate(crowd(9, people=4, seed=1)):
            tracker.update(detections if number != 5 else Detections.empty(), dt=1 + number / 3)
    assert used or name in ("model", "motion", "appearance")


@pytest.mark.parametrize(
    "argument", ["config", "embedder", "association", "motion", "appearance", "registry"]
)
def test_part_of_another_type_is_refused(argument):
    for value in (3, "linear", [], DeepSort):
        if callable(value) and argument in ("embedder", "association"):
            continue
        with pytest.raises(ValueError, match=argument):
            DeepSort(**{argument: value})


@pytest.mark.parametrize("linking", [3, "motion", Linking])
def test_linking_of_another_type_is_refused(linking):
    with pytest.raises(ValueError, match="linking must be a Linking"):
        FixedLag(DeepSort(), linking=linking)
