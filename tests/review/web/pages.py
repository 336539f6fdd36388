"""Videos whose frames show their number, and an opened page of a review in Chromium."""

import time
from fractions import Fraction

import numpy as np

from tests.review import run_folders
from tests.review.web.servers import TOKEN

BITS = 5  # blocks at the bottom of a frame, which hold its number


def numbered_image(number):
    """The image of a frame; black and white blocks at its bottom are the bits of its number."""
    image = np.full((run_folders.HEIGHT, run_folders.WIDTH, 3), 90, dtype=np.uint8)
    for bit in range(BITS):
        image[-20:, 20 * bit : 20 * (bit + 1)] = 255 * (number >> bit & 1)
    return image


def write_numbered_video(path, times, codec="libx264"):
    """A video with B-frames whose frames show their number, at `times` in hundredths of seconds."""
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=run_folders.RATE)
        stream.width, stream.height, stream.pix_fmt = (
            run_folders.WIDTH,
            run_folders.HEIGHT,
            "yuv420p",
        )
        stream.codec_context.gop_size = 12
        stream.codec_context.time_base = Fraction(1, 100)
        for number, time in enumerate(times, start=1):
            frame = av.VideoFrame.from_ndarray(numbered_image(number), format="bgr24")
            frame.time_base, frame.pts = Fraction(1, 100), int(time)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


class OpenPage:
    """A page of a review in the browser.

    page: of Playwright. review: the review that the server changes. messages: errors on the
    console, hosts: of all requests.
    """

    def __init__(self, page, review, address):
        self.page, self.review, self.address = page, review, address
        self.messages, self.hosts = [], set()
        page.on("console", lambda each: each.type == "error" and self.messages.append(each.text))
        page.on("pageerror", lambda error: self.messages.append(str(error)))
        page.on("request", lambda each: self.hosts.add(each.url.split("/")[2]))
        page.goto(f"{address}/#token={TOKEN}")
        page.wait_for_selector("#stage[data-frame]")

    def until(self, expression, seconds=30):
        """Wait until a JavaScript expression holds; the page's own rules forbid to wait in it."""
        end = time.monotonic() + seconds
        while not self.page.evaluate(expression):
            assert time.monotonic() < end, expression
            self.page.wait_for_timeout(50)

    def press(self, *keys):
        for key in keys:
            self.page.keyboard.press(key)

    def seek(self, frame):
        self.page.fill("#frame-number", str(frame))
        self.page.keyboard.press("Enter")
        self.wait_for_frame(frame)

    def wait_for_frame(self, frame):
        self.page.wait_for_selector(f'#stage[data-frame="{frame}"]')

    def wait_for_revision(self, revision):
        """Wait until the page shows the state after so many steps."""
        self.page.wait_for_selector(f'body[data-revision="{revision}"]')

    def number_in_picture(self, element):
        """The number that the blocks of the displayed picture hold."""
        return self.page.evaluate(
            """([id, width, height, bits]) => {
              const element = document.getElementById(id);
              const canvas = document.createElement("canvas");
              [canvas.width, canvas.height] = [width, height];
              const context = canvas.getContext("2d");
              context.drawImage(element, 0, 0, width, height);
              let number = 0;
              for (let bit = 0; bit < bits; bit++) {
                const [level] = context.getImageData(20 * bit + 10, height - 10, 1, 1).data;
                number |= (level > 128) << bit;
              }
              return number;
            }""",
            [element, run_folders.WIDTH, run_folders.HEIGHT, BITS],
        )
