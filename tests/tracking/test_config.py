"""The numbers a tracker lives by: what is refused, read from a dictionary, published."""

import json
from dataclasses import fields

import numpy as np
import pytest

from deepsort_reid import DeepSortConfig, Detections, State
from deepsort_reid.tracking import published
from tests.tracking.people import as_published, crowd, looks, standing


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"confirm_after": 0}, "confirm_after must be a whole number, at least 1, got 0"),
        ({"max_misses": -1}, "max_misses must be a whole number, at least 0, got -1"),
        ({"max_misses": "30"}, "max_misses must be a whole number, at least 0, got '30'"),
        ({"max_misses": 2.5}, "max_misses must be a whole number, at least 0, got 2.5"),
        ({"max_misses": None}, "max_misses must be a whole number, at least 0, got None"),
        ({"min_score": np.nan}, "min_score must be a number, got nan"),
        ({"min_score": "0.5"}, "min_score must be a number, got '0.5'"),
        ({"sure_score": None}, "sure_score must be a number, got None"),
        ({"birth_score": np.nan}, "birth_score must be a number, got nan"),
        ({"remember_score": [0.5]}, r"remember_score must be a number, got \[0.5\]"),
        ({"birth_overlap": 1.01}, r"birth_overlap must be a number in \[0, 1\], got 1.01"),
        ({"birth_overlap": -0.1}, r"birth_overlap must be a number in \[0, 1\], got -0.1"),
        ({"coasting_growth": np.inf}, r"coasting_growth must be a number in \[0, 1\], got inf"),
        ({"coasting_growth": "1"}, r"coasting_growth must be a number in \[0, 1\], got '1'"),
        ({"match_across_classes": "no"}, "match_across_classes must be true or false, got 'no'"),
        ({"scale_noise_by_score": 1}, "scale_noise_by_score must be true or false, got 1"),
        ({"common_shift": None}, "common_shift must be true or false, got None"),
    ],
)
def test_a_value_of_another_kind_or_outside_its_range_is_refused(values, message):
    with pytest.raises(ValueError, match=message):
        DeepSortConfig(**values)
    with pytest.raises(ValueError, match=message):
        DeepSortConfig.from_dict(values)


def test_values_at_the_ends_of_their_ranges_are_taken():
    for value in (0, 1, 0.5):
        made = DeepSortConfig(birth_overlap=value, coasting_growth=value)
        assert (made.birth_overlap, made.coasting_growth) == (value, value)
    assert DeepSortConfig(confirm_after=1, max_misses=0, min_score=-np.inf).max_misses == 0
    assert DeepSortConfig(max_misses=np.int64(7), sure_score=np.float32(0.5)).max_misses == 7


def test_a_configuration_is_made_from_the_fields_that_are_named():
    made = DeepSortConfig.from_dict({"max_misses": 70, "match_across_classes": False})
    assert made == DeepSortConfig(max_misses=70, match_across_classes=False)
    assert DeepSortConfig.from_dict({}) == DeepSortConfig()


def test_every_field_survives_the_way_through_json():
    for config in (DeepSortConfig(), DeepSortConfig.published()):
        values = {field.name: getattr(config, field.name) for field in fields(config)}
        assert DeepSortConfig.from_dict(json.loads(json.dumps(values))) == config


def test_a_field_that_does_not_exist_is_refused_with_those_that_do():
    with pytest.raises(ValueError, match=r"no field 'max_age'; it has .*max_misses"):
        DeepSortConfig.from_dict({"max_age": 30})


def test_the_published_numbers_are_the_papers():
    config = DeepSortConfig.published()
    assert (config.confirm_after, config.max_misses) == (3, 30)
    assert (config.birth_overlap, config.coasting_growth) == (1.0, 1.0)
    assert not config.common_shift
    assert not config.scale_noise_by_score
    for name in ("min_score", "sure_score", "birth_score", "remember_score"):
        assert getattr(config, name) == -np.inf


def test_the_published_tracker_counts_every_detection_the_same():
    # Among those that begin in one frame the surest gets the lowest number, and that is all.
    scored, bare, name = published(), published(), {}
    for frame in crowd(50, seed=21):
        detections = Detections(frame.xyxy, 5 * frame.score - 4, embedding=frame.embedding)
        tracks = scored.update(detections)
        expected = bare.update(Detections(frame.xyxy, embedding=frame.embedding))
        tracks, expected = (shown[np.argsort(shown.detection)] for shown in (tracks, expected))
        np.testing.assert_array_equal(tracks.detection, expected.detection)
        np.testing.assert_array_equal(tracks.filtered_xyxy, expected.filtered_xyxy)
        for one, other in zip(tracks.id.tolist(), expected.id.tolist(), strict=True):
            assert name.setdefault(one, other) == other
    assert len(set(name.values())) == len(name) > 8


def test_the_published_tracker_is_made_of_the_published_parts():
    one, other = published(), as_published()
    for frame in crowd(40, seed=22):
        np.testing.assert_array_equal(
            one.update(frame).filtered_xyxy, other.update(frame).filtered_xyxy
        )
        np.testing.assert_array_equal(one.tracks.id, other.tracks.id)


def test_the_published_tracker_embeds_what_comes_bare():
    asked = []

    def embedder(frame, xyxy):
        asked.append(len(xyxy))
        return looks(len(xyxy))

    tracker = published(embedder=embedder)
    frame = np.zeros((200, 200, 3), dtype=np.uint8)
    tracker.update(Detections(standing(10, 60, 110), [0.9, -2.0, 0.0]), frame=frame)
    assert asked == [3]
    np.testing.assert_array_equal(tracker.tracks.state, [State.TENTATIVE] * 3)
