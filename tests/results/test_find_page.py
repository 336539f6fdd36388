"""The results page of a search: sightings, doubts, the curve, and how much of it is kept."""

import math

import numpy as np
import pytest

from deepsort_reid.results import find_page as module
from deepsort_reid.results import sightings as sightings_module
from deepsort_reid.results.find_page import FindResults, find_doubts, find_page
from deepsort_reid.results.sightings import Curve, Match, SearchRecorder
from deepsort_reid.results.video_index import VideoIndex
from tests.results.runs import SIZE, box
from tests.results.test_track_page import HOSTILE, Elements

IMAGE = np.full((SIZE[1], SIZE[0], 3), 90, np.uint8)
BOX = np.array(box(100, 200))


def searched(matches, *, threshold=0.6, rate=10.0):
    """A search whose frames have these matches; None for a frame without people."""
    recorder = SearchRecorder(threshold)
    for number, match in enumerate(matches, 1):
        found = match or Match(math.nan, None)
        recorder.add(number, (number - 1) / rate, IMAGE, found)
    return recorder


def hit(similarity=0.9, **more):
    return Match(similarity, BOX, **more)


def miss(similarity=0.2):
    return Match(similarity, None)


def results_of(recorder, **changes):
    values = {
        "title": "street.mp4", "query": b"\xff\xd8", "recorder": recorder, "ids": "person",
        "scores": [], "videos": VideoIndex({"found.mp4": [(0.0, 0.0)]}),
        "facts": [("threshold", "0.6")], "notes": [],
    }  # fmt: skip
    return FindResults(**{**values, **changes})


def kinds(recorder):
    return [doubt.kind for doubt in find_doubts(recorder, "person")]


def test_matches_within_a_second_are_one_sighting():
    recorder = searched([hit()] * 10 + [miss()] * 9 + [hit()] * 5 + [miss()] * 20 + [hit()] * 8)
    spans = [(each.first_time, each.last_time, each.frames) for each in recorder.sightings]
    np.testing.assert_allclose(spans, [(0, 2.3, 15), (4.4, 5.1, 8)])
    assert recorder.matches == 23


def test_page_has_a_sheet_with_images_for_each_sighting():
    recorder = searched([hit()] * 10 + [miss()] * 30 + [hit()] * 10)
    text = find_page(results_of(recorder))
    elements = Elements(text)
    sheets = [each["id"] for each in elements.with_tag("section") if each.get("class") == "sheet"]
    assert sheets == ["sighting-1", "sighting-2"]
    crops = sum(len(own) for own in recorder.crops.of_track.values())
    assert len(elements.with_tag("img")) == crops + 1  # and the query
    assert 'src="found.mp4"' in text
    assert "Nothing was found to doubt" in text


def test_each_reason_to_doubt_is_named():
    assert kinds(searched([hit()] * 10)) == []
    assert kinds(searched([hit(0.65)] * 10)) == ["weak"]
    assert kinds(searched([hit(margin=0.3)] * 9 + [hit(margin=0.01)])) == ["close"]
    assert kinds(searched([hit()] + [hit(0.4)] * 9)) == ["followed"]
    assert kinds(searched([hit()] * 2)) == ["short"]
    assert kinds(searched([hit()] * 10 + [miss(0.2)] * 20 + [miss(0.58)])) == ["almost"]
    assert kinds(searched([hit(is_wrong=True)] + [hit()] * 9)) == ["wrong"]
    other = [hit(number=3)] * 20 + [miss()] * 20 + [hit(number=5)] * 10
    doubts = find_doubts(searched(other), "person")
    assert [(doubt.kind, doubt.persons) for doubt in doubts] == [("number", (2,))]
    assert "person 5; most matches are person 3" in doubts[0].text


def test_curve_keeps_the_largest_values_of_a_long_search():
    curve = Curve()
    for number in range(100_000):
        curve.add(number / 25, 0.9 if number == 54_321 else 0.3)
    assert len(curve.values) <= 1200
    times, values = np.array(curve.values).T
    assert (np.diff(times) > 0).all()
    assert times[values.argmax()] == pytest.approx(54_321 / 25, abs=4000 / 600)
    assert sorted(set(values)) == [0.3, 0.9]


def test_number_of_sightings_is_bounded_and_the_rest_is_counted(monkeypatch):
    monkeypatch.setattr(sightings_module, "MAX_SIGHTINGS", 200)
    recorder = searched(([hit()] * 3 + [miss()] * 20) * 250)
    assert len(recorder.sightings) == 200
    assert recorder.num_dropped == 150
    assert sum(len(own) for own in recorder.crops.of_track.values()) <= 600
    text = find_page(results_of(recorder))
    assert text.count('class="sheet"') == module.MAX_SHEETS
    assert "80 are left out" in text
    assert "150 matches after the last one are left out" in text


def test_hostile_names_are_text():
    recorder = searched([hit()] * 10)
    facts = [("query", HOSTILE)]
    plain = Elements(find_page(results_of(recorder, notes=["a note"])))
    hostile = find_page(results_of(recorder, title=HOSTILE, facts=facts, notes=[HOSTILE]))
    assert [tag for tag, _ in Elements(hostile).found] == [tag for tag, _ in plain.found]
    assert HOSTILE not in hostile


def test_search_without_a_match_has_a_page():
    text = find_page(results_of(searched([None, miss(), None]), query=None, videos=VideoIndex()))
    assert "The person was not found" in text
