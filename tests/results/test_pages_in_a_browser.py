"""The results pages in Chromium, opened as files: no errors, seeking, order, choice of a person."""

import shutil

import numpy as np
import pytest

from deepsort_reid.results.find_page import find_page
from deepsort_reid.results.track_page import track_page
from deepsort_reid.results.video_index import VideoIndex
from tests.results.runs import box, persons_of, record, results_of
from tests.results.test_find_page import hit, miss, searched
from tests.results.test_find_page import results_of as find_results_of
from tests.results.test_track_page import HOSTILE, walk

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    """A folder with two videos of 6 seconds that every browser plays."""
    cv2 = pytest.importorskip("cv2")
    folder = tmp_path_factory.mktemp("videos")
    writer = cv2.VideoWriter(
        str(folder / "video.webm"), cv2.VideoWriter_fourcc(*"VP80"), 10, (160, 120)
    )
    for number in range(60):
        writer.write(np.full((120, 160, 3), 4 * number, np.uint8))
    writer.release()
    shutil.copy(folder / "video.webm", folder / "video-000061.webm")
    return folder


@pytest.fixture
def open_page(chromium, tmp_path, videos):
    """Opens the text of a page, beside the videos; messages of the browser are in `errors`."""
    pages = []

    def open_text(text, size=(1280, 800)):
        for path in videos.iterdir():
            shutil.copy(path, tmp_path)
        path = tmp_path / "index.html"
        path.write_text(text, encoding="utf-8")
        page = chromium.new_page(viewport={"width": size[0], "height": size[1]})
        pages.append(page)
        page.errors = []
        page.on("console", lambda message: page.errors.append(message.text))
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        page.on("dialog", lambda dialog: page.errors.append(dialog.message))
        page.goto(path.as_uri())
        assert page.get_attribute("html", "data-ready") == "yes"
        return page

    yield open_text
    for page in pages:
        page.close()


def wait_for(page, expression):
    """Wait until a JavaScript expression is true; the page's policy forbids wait_for_function."""
    for _ in range(300):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(50)
    pytest.fail(f"not true within 15 seconds: {expression}")


TWO_PARTS = VideoIndex({"video.webm": [(0.0, 0.0)], "video-000061.webm": [(6.0, 0.0)]})


def test_page_shows_timeline_map_and_sheets_without_errors(open_page):
    recorder, persons = walk()
    page = open_page(track_page(results_of(recorder, persons, videos=TWO_PARTS)))
    wait_for(page, "document.querySelector('#video').readyState >= 1")
    assert page.locator("#presence rect[fill]").count() == 3
    assert page.locator(".ways g").count() == 3
    assert page.locator(".sheet").count() == 2
    assert page.evaluate("[...document.images].every((each) => each.naturalWidth > 5)")
    sizes = "[...document.querySelectorAll('.map image, #background')].map((e) => e.href.baseVal)"
    assert all(each.startswith("data:image/") for each in page.evaluate(sizes))
    assert page.evaluate("getComputedStyle(document.querySelector('.lane')).fill") != "none"
    assert page.errors == []


def test_click_on_a_time_shows_it_in_the_right_video(open_page):
    recorder, persons = walk()
    page = open_page(track_page(results_of(recorder, persons, videos=TWO_PARTS)))

    def shown():
        wait_for(page, "!document.querySelector('#video').seeking")
        source = "document.querySelector('#video').getAttribute('src')"
        return page.evaluate(source), page.evaluate("document.querySelector('#video').currentTime")

    wait_for(page, "document.querySelector('#video').readyState >= 1")
    image = page.locator("#person-2 .crops button").nth(1)
    time = float(image.get_attribute("data-time"))
    assert 0 < time < 6
    image.click()
    assert shown() == ("video.webm", pytest.approx(time, abs=0.05))
    page.locator('#person-2 [data-time="7.90"]').first.click()
    wait_for(page, "document.querySelector('#video').currentTime > 1")
    assert shown() == ("video-000061.webm", pytest.approx(1.9, abs=0.05))
    page.locator("#presence").click(position={"x": 1, "y": 5})
    wait_for(page, "document.querySelector('#video').currentTime < 1")
    assert shown() == ("video.webm", pytest.approx(0, abs=0.1))
    width = page.locator("#presence").bounding_box()["width"]
    page.locator("#presence").click(position={"x": 0.75 * width, "y": 5})
    wait_for(page, "document.querySelector('#video').currentTime > 2")
    assert shown() == ("video-000061.webm", pytest.approx(0.75 * 11.9 - 6, abs=0.1))
    wait_for(page, "Number(document.querySelector('#now').getAttribute('x1')) > 700")
    assert float(page.get_attribute("#now", "x1")) == pytest.approx(750, abs=10)
    assert page.errors == []


def test_video_stays_in_view_when_a_time_far_below_is_clicked(open_page):
    recorder, persons = walk()
    page = open_page(track_page(results_of(recorder, persons, videos=TWO_PARTS)), size=(390, 500))
    page.locator("#person-2 .crops button").first.click()
    assert page.locator("#video").bounding_box()["y"] < 500
    page.locator("#undock").click()
    assert page.locator(".docked").count() == 0
    assert page.errors == []


def test_persons_are_sorted_and_one_is_shown_alone(open_page):
    frames = [{1: box(50 + n, 200), 2: box(250 - n, 100)} for n in range(30)]
    recorder = record(frames + [{2: box(220 - n, 100)} for n in range(30)])
    page = open_page(track_page(results_of(recorder, persons_of(recorder), videos=TWO_PARTS)))
    ids = "[...document.querySelectorAll('.sheet')].map((each) => each.dataset.person)"
    assert page.evaluate(ids) == ["1", "2"]
    page.select_option("#order", "frames")
    assert page.evaluate(ids) == ["2", "1"]
    page.locator("#person-1 .pick").click()
    dim = "[...document.querySelectorAll('.ways .dim')].map((each) => each.dataset.person)"
    assert page.evaluate(dim) == ["2"]
    page.locator("#person-1 .pick").click()
    assert page.evaluate(dim) == []


def test_missing_video_is_said(open_page):
    recorder, persons = walk()
    index = VideoIndex({"gone.mp4": [(0.0, 0.0)]})
    page = open_page(track_page(results_of(recorder, persons, videos=index)))
    wait_for(page, "!document.querySelector('#no-video').hidden")
    assert "gone.mp4 cannot be played" in page.text_content("#no-video")


def test_hostile_names_run_nothing(open_page):
    recorder, _ = walk()
    persons = persons_of(recorder, {3: 1}, {3: 0.7}, {3: 2}, {3: HOSTILE}, {1: HOSTILE})
    texts = {"title": HOSTILE, "facts": [("a", HOSTILE)], "notes": [HOSTILE]}
    page = open_page(track_page(results_of(recorder, persons, videos=TWO_PARTS, **texts)))
    page.wait_for_timeout(200)
    assert page.text_content("h1") == HOSTILE
    assert page.evaluate("document.querySelectorAll('script').length") == 2  # data and script
    assert page.errors == []


def test_policy_forbids_other_scripts_styles_and_images(open_page):
    """Even where a name was not escaped."""
    recorder, persons = walk()
    text = track_page(results_of(recorder, persons, videos=TWO_PARTS))
    added = (
        "<h1><script>document.title = 'script'</script>"
        "<img src=x onerror=\"document.title = 'handler'\">"
        "<img src='https://example.org/pixel.png'><b style='color: red'>b</b>"
    )
    page = open_page(text.replace("<h1>", added, 1))
    page.wait_for_timeout(200)
    assert page.title() == "street.mp4"
    assert (
        page.evaluate("getComputedStyle(document.querySelector('h1 b')).color") != "rgb(255, 0, 0)"
    )
    assert len([error for error in page.errors if "Content Security Policy" in error]) >= 4


@pytest.mark.parametrize("size", [(1280, 800), (390, 844)])
def test_nothing_is_wider_than_the_window(open_page, size):
    recorder, persons = walk()
    long = "a-very-long-name-without-any-space-" * 5
    text = track_page(
        results_of(recorder, persons, title=long, facts=[("source", long)], notes=[long])
    )
    page = open_page(text, size=size)
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]


def test_search_page_shows_curve_and_sightings_without_errors(open_page):
    recorder = searched([hit()] * 10 + [miss()] * 30 + [hit(0.62)] * 10)
    index = VideoIndex({"video.webm": [(0.0, 0.0), (4.0, 2.0)]})
    page = open_page(find_page(find_results_of(recorder, query=None, videos=index)))
    wait_for(page, "document.querySelector('#video').readyState >= 1")
    assert page.locator("#presence .seen").count() == 2
    assert page.locator(".sheet").count() == 2
    page.locator("#sighting-2 .time").first.click()
    wait_for(page, "document.querySelector('#video').currentTime > 1.9")
    assert page.evaluate("document.querySelector('#video').currentTime") == pytest.approx(
        2, abs=0.1
    )
    assert page.errors == []
