"""The review page in Chromium."""

import json
import os
import re
import signal
import subprocess
import sys
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import numpy as np
import pytest

from deepsort_reid.io.mot import read_results, write_rows
from deepsort_reid.structures.mot_rows import MotRows
from tests.review import run_folders
from tests.review.web.pages import write_numbered_video
from tests.review.web.servers import TOKEN

pytestmark = pytest.mark.browser


def labels(opened):
    return opened.page.locator("#people .card-name").all_inner_texts()


def select(opened, person):
    opened.page.click("#tab-people")
    opened.page.click(f'#people [data-person="{person}"]')
    opened.page.wait_for_selector("#panel-person .person-head")


def merge_by_keys(opened, into, other):
    select(opened, into)
    opened.press("m")
    opened.page.fill("#dialog input", str(other))
    opened.press("Enter")


def test_page_shows_persons_video_and_boxes_without_an_error(opened):
    opened.until("document.getElementById('video').videoWidth === 160")
    assert labels(opened) == [f"Person {number}" for number in (1, 2, 4, 3)]
    assert not opened.page.is_visible("#picture-note")
    opened.seek(5)
    # The left edge of the box of person 1 in the middle of its height.
    colour = opened.page.evaluate(
        """() => {
          const canvas = document.getElementById("overlay");
          const scale = Math.min(canvas.clientWidth / 160, canvas.clientHeight / 120);
          const x = (canvas.clientWidth - 160 * scale) / 2 + 40 * scale;
          const y = (canvas.clientHeight - 120 * scale) / 2 + 45 * scale;
          return [...canvas.getContext("2d").getImageData(x, y, 1, 1).data];
        }"""
    )
    assert colour[3] > 200
    assert opened.messages == []
    assert opened.hosts == {opened.address.removeprefix("http://")}


def test_seek_displays_exactly_the_frame_asked_for(opened):
    for frame in (30, 1, 2, 3, 17, 16, 12, 29, 13):
        opened.seek(frame)
        assert opened.number_in_picture("video") == frame
    for frame in (14, 15, 16):
        opened.press("ArrowRight")
        opened.wait_for_frame(frame)
        assert opened.number_in_picture("video") == frame


def test_seek_is_exact_with_a_variable_frame_rate(tmp_path, open_page):
    times = np.cumsum(np.random.default_rng(1).integers(2, 40, run_folders.FRAMES))
    video = write_numbered_video(tmp_path / "street.mp4", times - times[0])
    opened = open_page(run_folders.write_run(tmp_path / "run", video))
    for frame in (30, 1, 9, 10, 11, 24, 2):
        opened.seek(frame)
        assert opened.number_in_picture("video") == frame


def test_boxes_belong_to_the_displayed_frame_while_playing(opened):
    opened.seek(2)
    opened.press(" ")
    opened.until("Number(document.getElementById('stage').dataset.frame) > 12")
    opened.press(" ")
    opened.page.wait_for_selector("#play:not(.playing)")
    opened.until("!document.getElementById('video').seeking")
    opened.page.wait_for_timeout(300)
    shown = int(opened.page.get_attribute("#stage", "data-frame"))
    assert opened.number_in_picture("video") == shown


def test_merge_undo_and_redo_by_keys(opened):
    merge_by_keys(opened, 1, 3)
    opened.wait_for_revision(1)
    assert [each.id for each in opened.review.persons()] == [1, 2, 4]
    opened.press("z")
    opened.wait_for_revision(2)
    assert len(opened.review.persons()) == 4
    opened.press("y")
    opened.wait_for_revision(3)
    opened.page.click("#tab-people")
    assert labels(opened) == ["Person 1", "Person 2", "Person 4"]


def test_split_at_the_displayed_frame_makes_a_new_person(opened):
    select(opened, 2)
    opened.seek(12)
    opened.press("x")
    opened.wait_for_revision(1)
    pieces = {each.id: each for each in opened.review.pieces() if each.track == 2}
    assert [(each.first_frame, each.last_frame) for each in pieces.values()] == [(1, 11), (12, 30)]
    assert len({each.person for each in pieces.values()}) == 2
    opened.press("Control+z")
    opened.wait_for_revision(2)
    assert len(opened.review.persons()) == 4


def test_marked_part_is_moved_to_another_person(opened):
    select(opened, 2)
    opened.seek(11)
    opened.press("i")
    opened.seek(19)
    opened.press("o", "v")
    opened.page.fill('#dialog input[type="search"]', "1")
    opened.press("Enter")
    opened.wait_for_revision(1)
    moved = [each for each in opened.review.pieces() if each.track == 2 and each.person == 1]
    assert [(each.first_frame, each.last_frame) for each in moved] == [(11, 19)]


def test_rename_delete_same_and_different(opened):
    select(opened, 2)
    opened.press("r")
    opened.page.fill("#dialog input", "Ada")
    opened.press("Enter")
    opened.wait_for_revision(1)
    assert "Ada" in opened.page.inner_text("#tab-person")
    select(opened, 4)
    opened.press("Delete")
    opened.wait_for_revision(2)
    select(opened, 1)
    opened.page.click("#tab-people")
    opened.page.click('#people [data-person="2"]', modifiers=["Shift"])
    opened.press("d")
    opened.wait_for_revision(3)
    opened.page.click("#tab-people")
    opened.page.click('#people [data-person="3"]', modifiers=["Shift"])
    opened.press("s")
    opened.wait_for_revision(4)
    persons = {each.id: each.name for each in opened.review.persons()}
    assert persons == {1: None, 2: "Ada"}
    merge_by_keys(opened, 1, 2)
    opened.page.wait_for_selector(".toast:has-text('marked as different')")


def test_doubts_come_up_and_are_answered_by_keys(opened):
    doubts = opened.review.doubts()
    opened.press("n")
    card = opened.page.locator("#doubt-card")
    card.wait_for()
    assert doubts[0].text[1:20] in card.inner_text()
    opened.wait_for_frame(doubts[0].frame)
    opened.press("s")
    opened.wait_for_revision(1)
    assert doubts[0].key not in {each.key for each in opened.review.doubts()}
    left = opened.page.inner_text("#doubt-count")
    assert int(left) == len(opened.review.doubts())


def test_crossing_is_answered_by_an_exchange_that_is_undone_at_once(opened):
    crossing = next(each for each in opened.review.doubts() if each.kind == "crossing")
    first, second = crossing.pieces
    opened.page.click("#tab-doubts")
    opened.page.click(f"#panel-doubts .doubt:has-text('{crossing.text[1:]}')")
    opened.wait_for_frame(crossing.frame)
    opened.press("d")
    opened.wait_for_revision(3)
    person = {
        (each.track, each.first_frame >= crossing.frame): each.person
        for each in opened.review.pieces()
    }
    assert person[first, True] == person[second, False]
    assert person[second, True] == person[first, False]
    opened.page.click(".toast button")
    opened.wait_for_revision(6)
    assert [each.id for each in opened.review.pieces()] == [1, 2, 3, 4]


def test_timeline_selects_and_seeks(opened):
    box = opened.page.locator("#timeline").bounding_box()
    # The second row; tracks are in the middle of the time.
    opened.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + 26 + 24 + 12)
    opened.page.wait_for_selector("#tab-person:has-text('Person 2')")
    near = (f'#stage[data-frame="{frame}"]' for frame in range(10, 21))
    opened.page.wait_for_selector(", ".join(near))
    opened.press("]")
    opened.wait_for_frame(30)
    opened.press("[")
    opened.wait_for_frame(1)


def test_corrections_are_there_after_a_reload(opened):
    merge_by_keys(opened, 1, 3)
    opened.wait_for_revision(1)
    opened.page.reload()
    opened.page.wait_for_selector("#people .card")
    assert labels(opened) == ["Person 1", "Person 2", "Person 4"]
    assert opened.page.inner_text("#saved") == "All corrections saved"


def test_export_is_downloaded(opened, tmp_path):
    merge_by_keys(opened, 1, 3)
    opened.wait_for_revision(1)
    opened.press("e")
    with opened.page.expect_download() as download:
        opened.page.click('#export-menu [data-kind="mot"]')
    download.value.save_as(tmp_path / "tracks.txt")
    assert download.value.suggested_filename == "run-tracks.txt"
    assert set(read_results(tmp_path / "tracks.txt").id.tolist()) == {1, 2, 4}


HOSTILE = '<img src=x onerror="document.body.dataset.hacked=1">\'"&<script>1</script>{{1}}'


def test_hostile_names_are_shown_as_text(tmp_path, numbered_video, open_page):
    # The folder, too: its name is the title.
    folder = run_folders.write_run(tmp_path / "<b onclick=hack()>", numbered_video)
    opened = open_page(folder)
    select(opened, 1)
    opened.press("r")
    opened.page.fill("#dialog input", HOSTILE)
    opened.press("Enter")
    opened.wait_for_revision(1)
    assert opened.page.input_value("#panel-person .name") == HOSTILE
    for key in ("1", "3", "n", "m"):
        opened.press(key)
        opened.page.wait_for_timeout(100)
    opened.press("Escape")
    opened.page.reload()
    opened.page.wait_for_selector("#people .card")
    assert HOSTILE in labels(opened)
    assert opened.page.inner_text("#run-name") == "<b onclick=hack()>"
    assert opened.page.get_attribute("body", "data-hacked") is None
    assert opened.page.locator("#people img[src=x], #people script, #run-name b").count() == 0
    assert opened.messages == []


@contextmanager
def other_site(html):
    """The address of a page of another origin on this machine."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(html.encode())

        def log_message(self, *given):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        server.server_close()


def test_page_of_another_origin_neither_reads_nor_changes(opened, chromium):
    attack = """<script>
      const edit = JSON.stringify({revision: 0, edit: {kind: "delete", piece: 1}});
      const tries = [
        fetch("A/api/state?token=T"),
        fetch("A/api/state", {headers: {"X-Review-Token": "T"}}),
        fetch("A/api/edit?token=T", {method: "POST", body: edit}),
        fetch("A/api/edit?token=T", {
          method: "POST", body: edit, headers: {"Content-Type": "application/json"},
        }),
        fetch("A/api/edit?token=T", {
          method: "POST", body: edit, mode: "no-cors",
        }).then((answer) => {
          if (answer.type === "opaque") throw "unreadable";
        }),
        new Promise((done, fail) => {
          const image = new Image();
          image.onload = done;
          image.onerror = () => fail("refused");
          image.src = "A/api/frame?frame=1&token=T";
        }),
      ];
      Promise.allSettled(tries).then((all) => {
        document.title = all.map((each) => each.status).join(" ");
      });
    </script>"""  # even though it knows the token
    with other_site(attack.replace("A/", f"{opened.address}/").replace("=T", f"={TOKEN}")) as site:
        page = chromium.new_page()
        page.goto(site)
        page.wait_for_selector("title:not(:empty)", state="attached")
        assert page.title() == " ".join(["rejected"] * 6)
        page.close()
    assert opened.review.revision == 0


def test_page_without_the_token_says_what_to_do(opened, chromium):
    page = chromium.new_page()
    page.goto(f"{opened.address}/")
    page.wait_for_selector("#notice:has-text('open the address')")
    assert page.locator(".card").count() == 0
    page.close()


@contextmanager
def running_command(run):
    """A process of `review`, and the address that it printed; killed at the end."""
    options = ["--port", "0", "--no-browser"]
    command = [sys.executable, "-m", "deepsort_reid", "review", str(run), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            for line in process.stdout:
                if found := re.search(r"http://\S+", line):
                    yield process, found[0]
                    break
        finally:
            process.kill()


def test_kill_of_the_server_loses_nothing(numbered_run, chromium):
    page = chromium.new_page()
    with running_command(numbered_run) as (process, address):
        page.goto(address)
        page.click('#people [data-person="2"]')
        page.keyboard.press("r")
        page.fill("#dialog input", "Ada")
        page.keyboard.press("Enter")
        page.wait_for_selector('body[data-revision="1"]')
        os.kill(process.pid, signal.SIGKILL)
        process.wait(30)
        page.keyboard.press("Delete")
        page.wait_for_selector("#notice:has-text('All corrections so far are saved')")
    with running_command(numbered_run) as (process, address):
        page.goto(address)
        page.wait_for_selector("#people .card:has-text('Ada')")
        assert page.locator("#people .card").count() == 4
        page.close()
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
    entries = (numbered_run / "edits.jsonl").read_text().splitlines()
    assert [json.loads(line).get("kind") for line in entries[1:]] == ["rename"]


def test_video_that_the_browser_cannot_play_is_shown_in_single_images(tmp_path, open_page):
    times = np.arange(run_folders.FRAMES) * 100 // run_folders.RATE
    video = write_numbered_video(tmp_path / "street.avi", times, codec="mpeg4")
    opened = open_page(run_folders.write_run(tmp_path / "run", video))
    opened.page.wait_for_selector("#picture-note:has-text('cannot play the video')")
    for frame in (30, 1, 17):
        opened.seek(frame)
        assert number_in_drawn_picture(opened) == frame
    assert opened.messages == []


def number_in_drawn_picture(opened):
    """The number in the picture that the page itself has drawn."""
    return opened.page.evaluate(
        """() => {
          const canvas = document.getElementById("picture");
          const scale = Math.min(canvas.width / 160, canvas.height / 120);
          const [left, top] = [(canvas.width - 160 * scale) / 2, (canvas.height - 120 * scale) / 2];
          let number = 0;
          for (let bit = 0; bit < 5; bit++) {
            const x = left + (20 * bit + 10) * scale;
            const [level] = canvas.getContext("2d").getImageData(x, top + 110 * scale, 1, 1).data;
            number |= (level > 128) << bit;
          }
          return number;
        }"""
    )


def test_run_without_its_video_can_be_corrected(tmp_path, open_page):
    opened = open_page(run_folders.write_run(tmp_path / "run", tmp_path / "gone.mp4"))
    opened.page.wait_for_selector("#picture-note:has-text('No pictures')")
    assert "gone.mp4" in opened.page.inner_text("#notice")
    merge_by_keys(opened, 1, 3)
    opened.wait_for_revision(1)
    opened.press(" ")
    opened.until("Number(document.getElementById('stage').dataset.frame) > 5")
    assert opened.messages == []


def test_keys_are_listed_and_every_control_has_a_name(opened):
    opened.press("?")
    keys = opened.page.inner_text("#help")
    for text in ("Next doubtful case", "Split the track", "Undo", "Play or pause"):
        assert text in keys
    opened.press("Escape")
    select(opened, 1)
    opened.press("n")
    nameless = opened.page.evaluate(
        """() => [...document.querySelectorAll("button, input, select, [role=img], [role=tab]")]
          .filter((each) => !(each.ariaLabel || each.textContent.trim() || each.labels?.length))
          .map((each) => each.outerHTML)"""
    )
    assert nameless == []


def test_search_and_filters_leave_the_matching_persons(opened):
    opened.press("/")
    opened.page.keyboard.type("3")
    opened.until("document.querySelectorAll('#people .card').length === 1")
    assert labels(opened) == ["Person 3"]
    opened.page.fill("#search", "")
    opened.seek(1)
    opened.page.select_option("#filter", "here")
    opened.until("document.querySelectorAll('#people .card').length === 2")
    assert labels(opened) == ["Person 1", "Person 2"]
    opened.seek(25)
    opened.until("document.querySelectorAll('#people .card')[1]?.dataset.person === '3'")


def write_large_run(folder, boxes=100_000, per_frame=40, life=250):
    """A run of 10^5 boxes: `per_frame` tracks at a time, each for `life` frames, without video."""
    rng = np.random.default_rng(5)
    frames = boxes // per_frame
    frame = np.repeat(np.arange(1, frames + 1), per_frame)
    slot = np.tile(np.arange(per_frame), frames)
    id = 1 + slot + per_frame * ((frame + slot * 6) // life)
    centre = np.column_stack([rng.random(id.max() + 1) * 1800, rng.random(id.max() + 1) * 900])
    left_top = centre[id] + np.column_stack([60 * np.sin(frame / 40 + id), 30 * np.cos(frame / 30)])
    xyxy = np.column_stack([left_top, left_top + np.array([50, 130])])
    folder.mkdir(parents=True)
    rows = MotRows(frame, id, xyxy, np.full(len(id), 0.9))
    write_rows(folder / "tracks.txt", rows, "result")
    (folder / "summary.json").write_text(json.dumps({"status": "complete", "source": "gone.mp4"}))
    return folder


def test_run_of_100_000_boxes_draws_the_rows_and_cards_in_view_only(tmp_path, open_page):
    opened = open_page(write_large_run(tmp_path / "run"))
    assert "100,000 boxes" in opened.page.inner_text("#run-facts")
    persons = len(opened.review.persons())
    assert persons > 400
    assert opened.page.locator("#people .card").count() <= 60
    height = opened.page.evaluate("document.getElementById('timeline-rows').height")
    assert height < 1000 < 24 * persons
    opened.press("w", "h")
    opened.seek(1200)
    for _ in range(20):
        opened.press("ArrowDown")
    opened.press("End")
    opened.wait_for_frame(2500)
    assert opened.messages == []
