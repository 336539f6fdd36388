import json
from dataclasses import replace

import pytest

from deepsort_reid.tracking import AppearanceLLR, DeepSortConfig, LikelihoodRatio
from deepsort_reid.tracking.from_dict import tracker_parts, with_field


def test_nothing_gives_the_defaults():
    assert tracker_parts({}) == (DeepSortConfig(), LikelihoodRatio())


def test_nested_fields_are_set_and_others_keep_their_defaults():
    parts = tracker_parts(
        {"max_age": 60, "association": {"min_llr": 1, "appearance": {"llr_cap": 5}}}
    )
    assert parts.config == replace(DeepSortConfig(), max_age=60)
    expected = LikelihoodRatio(min_llr=1.0, appearance=AppearanceLLR(llr_cap=5.0))
    assert parts.association == expected


def test_all_values_survive_a_file():
    parts = tracker_parts({"n_init": 2, "association": {"motion": {"height_std_scale": 2}}})
    assert tracker_parts(json.loads(json.dumps(parts.as_dict()))) == parts


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"age": 1}, "DeepSortConfig has no field 'age'"),
        ({"association": 3}, "association: expected an object with fields, got 3"),
        ({"association": {"min": 3}}, "association has no field 'min'; it has min_llr, "),
        ({"association": {"motion": {"std": 3}}}, "association.motion has no field 'std'"),
        ({"association": {"min_llr": "low"}}, "association.min_llr: expected a number, got 'low'"),
        ({"association": {"min_llr": True}}, "association.min_llr: expected a number, got True"),
        (
            {"association": {"motion": {"center_std_scale": -1}}},
            "association.motion: center_std_scale must be a number above 0, got -1.0",
        ),
    ],
)
def test_wrong_values_are_named(values, message):
    with pytest.raises(ValueError, match=message.replace(".", r"\.")):
        tracker_parts(values)


def test_with_field_replaces_one_nested_value_and_keeps_the_given_dictionary():
    values = {"a": 1, "b": {"c": 2, "d": {"e": 3}}}
    assert with_field(values, "b.d.e", 4) == {"a": 1, "b": {"c": 2, "d": {"e": 4}}}
    assert with_field(values, "x.y", 5) == {**values, "x": {"y": 5}}
    assert values["b"]["d"]["e"] == 3
