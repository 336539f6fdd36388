"""The results page as text: everything is in it, nothing is loaded, nothing grows without end."""

import re
from html.parser import HTMLParser

from deepsort_reid.results import track_page as module
from deepsort_reid.results.times import clock, duration
from deepsort_reid.results.track_page import track_page
from deepsort_reid.results.video_index import VideoIndex
from tests.results.runs import box, persons_of, record, results_of

HOSTILE = """<script>alert(1)</script>"><img src=x onerror=alert(2)>' onload='alert(3)"""


class Elements(HTMLParser):
    """The elements of a page with their attributes."""

    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def with_tag(self, tag):
        return [attributes for name, attributes in self.found if name == tag]


def walk():
    """Two persons: 1 has two tracks."""
    frames = [{1: box(50 + n, 200), 2: box(250 - n, 100)} for n in range(40)]
    frames += [{2: box(210 - n, 100)} for n in range(40)]
    frames += [{3: box(60 + n, 200)} for n in range(40)]
    recorder = record(frames)
    return recorder, persons_of(recorder, {3: 1}, {3: 0.7})


def test_page_has_a_sheet_a_row_and_a_way_for_each_person():
    recorder, persons = walk()
    elements = Elements(track_page(results_of(recorder, persons)))
    sheets = [each for each in elements.with_tag("section") if each.get("class") == "sheet"]
    assert [each["id"] for each in sheets] == ["person-1", "person-2"]
    images = elements.with_tag("img")
    assert len(images) == sum(len(person.crops) for person in persons) >= 6
    assert all(each["src"].startswith("data:image/jpeg;base64,") for each in images)
    groups = [each["data-person"] for each in elements.with_tag("g") if "data-person" in each]
    assert groups == ["1", "2", "1", "1", "2"]  # rows of the timeline, then tracks on the map
    assert elements.with_tag("video")[0]["src"] == "video.mp4"
    times = [float(each["data-time"]) for _, each in elements.found if "data-time" in each]
    assert times
    assert max(times) <= 11.9


def test_page_loads_nothing_but_the_video():
    recorder, persons = walk()
    text = track_page(results_of(recorder, persons))
    sources = re.findall(r"""(?:src|href)\s*=\s*["']?([^"'>\s]+)""", text)
    others = {each for each in sources if not each.startswith(("data:", "#"))}
    assert others == {"video.mp4"}
    assert "url(" not in text
    assert "default-src 'none'" in text
    assert "unsafe" not in text
    assert not re.search(r"<[^>]*\sstyle=", text)


def test_hostile_names_are_text():
    recorder, _ = walk()
    persons = persons_of(recorder, {3: 1}, {3: 0.7}, {3: 2}, {3: HOSTILE}, {1: HOSTILE})
    results = results_of(
        recorder, persons, title=HOSTILE, facts=[("source", HOSTILE)], notes=[HOSTILE],
        videos=VideoIndex({HOSTILE: [(0.0, 0.0)]}),
    )  # fmt: skip
    text = track_page(results)
    elements = Elements(text)
    named = persons_of(recorder, {3: 1}, {3: 0.7}, {3: 2}, {3: "near"}, {1: "Anna"})
    plain = Elements(track_page(results_of(recorder, named, notes=["a note"])))
    assert [tag for tag, _ in elements.found] == [tag for tag, _ in plain.found]
    for tag, attributes in elements.found:
        assert not [name for name in attributes if name.startswith("on")], tag
    assert elements.with_tag("video")[0]["src"] == HOSTILE
    assert HOSTILE not in text


def test_long_run_with_many_persons_is_bounded_and_says_what_is_left_out():
    """An hour, 1000 persons; each is there for 36 seconds, and 10 at any time."""
    recorder = record(
        (
            {1 + (n // 36 + k) % 1000: box(20 + 28 * k + n % 20, 60 + 15 * k) for k in range(10)}
            for n in range(36000)
        ),
    )
    persons = persons_of(recorder)
    assert len(persons) == 1000
    text = track_page(results_of(recorder, persons))
    assert len(text) < 6e6
    sheets = text.count('class="sheet"')
    assert sheets == module.MAX_SHEETS
    assert f"{1000 - sheets} others are in people.csv only" in text
    assert f"{1000 - module.MAX_ROWS} are left out" in text
    doubts = re.search(r"The first (\d+) of ([\d,]+) are listed", text)
    assert doubts is None or int(doubts[1]) == module.MAX_DOUBTS


def test_run_without_people_or_video_has_a_page():
    recorder = record([{}] * 5)
    text = track_page(results_of(recorder, [], videos=VideoIndex()))
    assert "No annotated video was written" in text
    assert "Nothing was found to doubt" in text


def test_times_and_durations_in_words():
    assert [clock(each) for each in (0, 9.96, 75.25, 3725.4)] == [
        "0:00.0",
        "0:10.0",
        "1:15.2",
        "1:02:05",
    ]
    assert [duration(each) for each in (0.04, 0.8, 42.2, 200, 3900)] == [
        "less than 0.1 s",
        "0.8 s",
        "42 s",
        "3 min 20 s",
        "1 h 5 min",
    ]
