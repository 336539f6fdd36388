"""Tracker configuration: refused values, dictionaries, and the published configuration."""

import json
from dataclasses import fields

import numpy as np
import pytest

from deepsort_reid import DeepSortConfig


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"n_init": 0}, "n_init must be a whole number, at least 1, got 0"),
        ({"max_age": -1}, "max_age must be a whole number, at least 0, got -1"),
        ({"max_age": "30"}, "max_age must be a whole number, at least 0, got '30'"),
        ({"max_age": 2.5}, "max_age must be a whole number, at least 0, got 2.5"),
        ({"max_age": None}, "max_age must be a whole number, at least 0, got None"),
        ({"max_age": 10**30}, "max_age must be a whole number, at most 1000000000, got 1000"),
        (
            {"embedding_interval": 2**63},
            "embedding_interval must be a whole number, at most 1000000000, got 9223",
        ),
        ({"reuse_ids": 500}, "reuse_ids must be true or false, got 500"),
        ({"min_score": 10**400}, "min_score must be a number, got 1000"),
        ({"min_score": np.nan}, "min_score must be a number, got nan"),
        ({"min_score": "0.5"}, "min_score must be a number, got '0.5'"),
        ({"high_score_threshold": None}, "high_score_threshold must be a number, got None"),
        ({"new_track_score": np.nan}, "new_track_score must be a number, got nan"),
        ({"min_gallery_score": [0.5]}, r"min_gallery_score must be a number, got \[0.5\]"),
        (
            {"max_new_track_overlap": 1.01},
            r"max_new_track_overlap must be a number in \[0, 1\], got 1.01",
        ),
        (
            {"max_new_track_overlap": -0.1},
            r"max_new_track_overlap must be a number in \[0, 1\], got -0.1",
        ),
        (
            {"coasting_size_velocity_decay": np.inf},
            r"coasting_size_velocity_decay must be a number in \[0, 1\], got inf",
        ),
        (
            {"coasting_size_velocity_decay": "1"},
            r"coasting_size_velocity_decay must be a number in \[0, 1\], got '1'",
        ),
        ({"class_agnostic": "no"}, "class_agnostic must be true or false, got 'no'"),
        ({"nsa_kalman": 1}, "nsa_kalman must be true or false, got 1"),
        (
            {"common_motion_compensation": None},
            "common_motion_compensation must be true or false, got None",
        ),
    ],
)
def test_values_of_the_wrong_type_or_range_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        DeepSortConfig(**values)
    with pytest.raises(ValueError, match=message):
        DeepSortConfig.from_dict(values)


def test_limits_of_the_ranges_are_accepted():
    for value in (0, 1, 0.5):
        made = DeepSortConfig(max_new_track_overlap=value, coasting_size_velocity_decay=value)
        assert (made.max_new_track_overlap, made.coasting_size_velocity_decay) == (value, value)
    assert DeepSortConfig(n_init=1, max_age=0, min_score=-np.inf).max_age == 0
    assert DeepSortConfig(max_age=np.int64(7), high_score_threshold=np.float32(0.5)).max_age == 7


def test_from_dict_keeps_defaults_of_missing_fields():
    made = DeepSortConfig.from_dict({"max_age": 70, "class_agnostic": False})
    assert made == DeepSortConfig(max_age=70, class_agnostic=False)
    assert DeepSortConfig.from_dict({}) == DeepSortConfig()


def test_all_fields_round_trip_through_json():
    for config in (DeepSortConfig(), DeepSortConfig.published()):
        values = {field.name: getattr(config, field.name) for field in fields(config)}
        assert DeepSortConfig.from_dict(json.loads(json.dumps(values))) == config


def test_unknown_field_is_refused_with_the_list_of_fields():
    with pytest.raises(ValueError, match=r"no field 'max_misses'; it has .*max_age"):
        DeepSortConfig.from_dict({"max_misses": 30})


def test_published_configuration_has_the_values_of_the_paper():
    config = DeepSortConfig.published()
    assert (config.n_init, config.max_age) == (3, 30)
    assert (config.max_new_track_overlap, config.coasting_size_velocity_decay) == (1.0, 1.0)
    assert not config.common_motion_compensation
    assert not config.nsa_kalman
    for name in ("min_score", "high_score_threshold", "new_track_score", "min_gallery_score"):
        assert getattr(config, name) == -np.inf
