"""Irregular frames in a video of a constant frame rate."""

import pytest

from deepsort_reid.io.video_pace import VideoPace


def written(times, frame_rate=10):
    """Numbers of the frames that a video gets; frame k has the image k."""
    pace = VideoPace(frame_rate)
    return [image for image, time in enumerate(times) for image in pace.images(time, image)]


def test_regular_frames_are_written_once():
    assert written([5 + k / 10 for k in range(50)]) == list(range(50))


def test_frame_is_shown_until_the_next_one_came():
    assert written([0, 0.1, 0.5, 0.6]) == [0, 1, 1, 1, 1, 2, 3]


def test_frames_that_come_too_fast_are_left_out():
    assert written([0, 0.02, 0.04, 0.1, 0.12, 0.2]) == [0, 3, 5]


@pytest.mark.parametrize("rate", [10, 29.97])
def test_long_video_keeps_the_speed_of_the_clock(rate):
    times = [k * 0.273 for k in range(1000)]
    assert len(written(times, rate)) == pytest.approx(times[-1] * rate, abs=2)


def test_interruption_is_cut_out():
    assert written([0, 0.1, 60.1, 60.2, 60.4]) == [0, 1, 2, 3, 3, 4]
    assert written([0, 0.9]) == [0] * 9 + [1]
