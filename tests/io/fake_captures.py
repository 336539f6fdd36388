"""Cameras in memory: what a `cv2.VideoCapture` does, frame by frame, without a device."""

import itertools
import threading

import cv2
import numpy as np


def numbered_frame(number, size=(64, 48)):
    """A frame (height, width, 3) that is uniformly grey of level `number`."""
    return np.full((size[1], size[0], 3), number, dtype=np.uint8)


def numbers_of(frames):
    """Grey levels of timed frames."""
    return [round(float(each.frame.mean())) for each in frames]


class FakeCapture:
    """Delivers the items of `script` one after the other, then the end of the source.

    A frame is returned; an event is waited for; an exception is raised; a function is called.
    """

    def __init__(self, script, opened=True):
        self._script = iter(script)
        self._opened = opened
        self.released = threading.Event()

    def isOpened(self):  # noqa: N802  # OpenCV's name
        return self._opened

    def get(self, name):
        return {cv2.CAP_PROP_FPS: 10.0, cv2.CAP_PROP_FRAME_COUNT: -1.0}[name]

    def read(self):
        for item in self._script:
            if isinstance(item, threading.Event):
                item.wait()
            elif isinstance(item, Exception):
                raise item
            elif callable(item):
                item()
            else:
                return True, item
        return False, None

    def release(self):
        self.released.set()


class FakeCamera:
    """Opens one of the given captures after the other; afterwards it cannot be opened."""

    def __init__(self, *scripts):
        self.captures = [FakeCapture(script) for script in scripts]
        self._next = itertools.count()
        self.opened = 0

    def __call__(self):
        number = next(self._next)
        if number >= len(self.captures):
            return FakeCapture((), opened=False)
        self.opened += 1
        return self.captures[number]


class FakeClock:
    """A clock that only the test advances."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now

    def advance(self, seconds):
        self.now += seconds
