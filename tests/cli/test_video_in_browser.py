"""The annotated video of the demo in a real browser: it plays, seeks and has its colours."""

import functools
import http.server
import re
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from deepsort_reid.cli.main import main
from deepsort_reid.io.frame_access import FrameAccess
from deepsort_reid.io.video_reader import open_video
from deepsort_reid.io.video_writer import VideoWriter

pytestmark = pytest.mark.browser

PAGE = "<video id=video muted src={}></video><canvas id=canvas></canvas>"
# Goes to a time and returns the mean colour of the frame there, red, green and blue.
SEEK = """async (time) => {
    const video = document.getElementById("video");
    const canvas = document.getElementById("canvas");
    const sought = new Promise((resolve) => { video.onseeked = resolve; });
    video.currentTime = time;
    await sought;
    canvas.width = video.videoWidth;
    canvas.height = video.videoHeight;
    const context = canvas.getContext("2d");
    context.drawImage(video, 0, 0);
    const {data} = context.getImageData(0, 0, canvas.width, canvas.height);
    const sums = [0, 0, 0];
    for (let i = 0; i < data.length; i += 1) if (i % 4 < 3) sums[i % 4] += data[i];
    return sums.map((sum) => sum / (data.length / 4));
}"""
PLAY = """() => new Promise((resolve) => {
    const video = document.getElementById("video");
    video.onended = () => resolve([video.currentTime, video.videoWidth, video.videoHeight]);
    video.onerror = () => resolve(video.error.message);
    video.playbackRate = 4;
    video.play();
})"""


class Files(http.server.SimpleHTTPRequestHandler):
    """Serves files, and parts of them, without which browsers do not seek."""

    def do_GET(self):
        content = Path(self.translate_path(self.path)).read_bytes()
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        first = int(wanted[1]) if wanted else 0
        last = min(int(wanted[2] or len(content)), len(content) - 1) if wanted else len(content) - 1
        self.send_response(206 if wanted else 200)
        self.send_header("Content-Type", self.guess_type(self.path))
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(last + 1 - first))
        if wanted:
            self.send_header("Content-Range", f"bytes {first}-{last}/{len(content)}")
        self.end_headers()
        self.wfile.write(content[first : last + 1])

    def log_message(self, *arguments):
        del arguments


@pytest.fixture
def open_in_chromium(chromium, tmp_path):
    """Open a video of `tmp_path` in a page."""
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Files, directory=tmp_path)
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    context = chromium.new_context()

    def open_page(name):
        (tmp_path / "page.html").write_text(PAGE.format(name))
        page = context.new_page()
        page.goto(f"http://127.0.0.1:{server.server_port}/page.html")
        return page

    yield open_page
    context.close()
    server.shutdown()
    server.server_close()


def test_video_of_the_demo_plays_to_its_end(open_in_chromium, tmp_path):
    assert main(["demo", "--frames", "40", "--out", str(tmp_path), "--quiet"]) == 0
    page = open_in_chromium("video.mp4")
    seconds, *size = page.evaluate(PLAY)
    assert seconds == pytest.approx(40 / 25, abs=0.05)
    video = open_video(tmp_path / "video.mp4")
    assert tuple(size) == video.size


@pytest.mark.parametrize("suffix", [".mp4", ".webm"])
def test_frames_are_shown_at_their_times_and_in_their_colours(suffix, open_in_chromium, tmp_path):
    """A variable frame rate; the page finds each frame by the time that the reader says."""
    rng = np.random.default_rng(0)
    stored = np.cumsum(rng.choice([0.04, 0.1, 0.5], 60))
    name = f"varied{suffix}"
    with VideoWriter(tmp_path / name, 25, (1280, 720)) as writer:
        for number, time in enumerate(stored):
            colour = (20 + 3 * number, 220 - 3 * number, 40 + 40 * (number % 5))
            writer.write(np.full((720, 1280, 3), colour, dtype=np.uint8), time)
    video = open_video(tmp_path / name)
    times = video.times()
    page = open_in_chromium(name)
    page.wait_for_function("document.getElementById('video').readyState >= 2")
    with FrameAccess(video) as frames:
        for number in (30, 59, 2, 31, 45):
            colour = page.evaluate(SEEK, float(times[number - 1]) + 0.005)
            expected = frames.read(number).mean(axis=(0, 1))[::-1]
            np.testing.assert_allclose(colour, expected, atol=4)


def test_video_of_a_killed_process_plays(open_in_chromium, tmp_path):
    script = """
import os, signal, sys
import numpy as np
from deepsort_reid.io.video_writer import VideoWriter
writer = VideoWriter(sys.argv[1], 25, (640, 360))
for number in range(150):
    writer.write(np.full((360, 640, 3), number, dtype=np.uint8))
os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "cut.mp4")], check=False)
    length = len(list(open_video(tmp_path / "cut.mp4")))
    assert length > 100
    seconds, *size = open_in_chromium("cut.mp4").evaluate(PLAY)
    assert (size, seconds) == ([640, 360], pytest.approx(length / 25, abs=0.05))
