"""Reading with PyAV: the pixels and times of OpenCV, rotation, and seeking by frame number."""

import random
from fractions import Fraction

import av
import numpy as np
import pytest

from deepsort_reid.io import video_reader
from deepsort_reid.io.frame_access import FrameAccess
from deepsort_reid.io.video_reader import open_video

WIDTH, HEIGHT = 66, 48


def picture(number):
    """A bright square that moves, on a gradient, with the number in its colour."""
    image = np.zeros((HEIGHT, WIDTH, 3), dtype=np.uint8)
    image[..., 0] = np.linspace(0, 255, WIDTH)
    image[..., 1] = 5 * (number % 50)
    image[10:30, number % 40 : number % 40 + 20, 2] = 255
    return image


def write_stream(path, count=60, codec="libx264", pixels="yuv420p", times=None, **options):
    """A video with a key frame every 12 frames and two B-frames between others."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options={"g": "12", "bf": "2", **options})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, pixels
        unit = Fraction(1, 25) if path.suffix == ".avi" else Fraction(1, 12800)
        stream.codec_context.time_base = unit
        for number in range(count):
            frame = av.VideoFrame.from_ndarray(picture(number), format="bgr24")
            time = number / 25 if times is None else times[number]
            frame.pts, frame.time_base = round(time / unit), unit
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def read_with_opencv(path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(video_reader, "is_av_available", lambda: False)
        return list(open_video(path).iter_timed_frames())


@pytest.mark.parametrize(
    ("name", "codec", "pixels"),
    [
        ("a.mp4", "libx264", "yuv420p"),
        ("a.mp4", "libx264", "yuvj420p"),
        ("a.mkv", "libx264", "yuv444p"),
        ("a.ts", "libx264", "yuv422p"),
        ("a.mov", "mpeg4", "yuv420p"),
        ("a.webm", "libvpx-vp9", "yuv420p"),
        ("a.avi", "mjpeg", "yuvj420p"),
    ],
)
def test_pixels_and_times_are_those_of_opencv(name, codec, pixels, tmp_path, monkeypatch):
    options = {"libvpx-vp9": {"deadline": "realtime"}, "mjpeg": {"bf": "0"}}.get(codec, {})
    path = write_stream(tmp_path / name, 30, codec, pixels, **options)
    with_av = list(open_video(path).iter_timed_frames())
    with_opencv = read_with_opencv(path, monkeypatch)
    assert len(with_av) == len(with_opencv) == 30
    for ours, theirs in zip(with_av, with_opencv, strict=True):
        np.testing.assert_array_equal(ours.frame, theirs.frame)
        assert ours.time == pytest.approx(theirs.time, abs=1e-6)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts"])
def test_any_frame_is_found_by_its_number_as_in_reading_from_the_start(name, tmp_path):
    rng = np.random.default_rng(0)
    times = np.cumsum(rng.choice([0.04, 0.1, 0.5], 60))  # a variable frame rate
    video = open_video(write_stream(tmp_path / name, times=times))
    expected = list(video.iter_timed_frames())
    numbers = [*range(1, 61), *range(60, 0, -1), *random.Random(0).sample(range(1, 61), 60)]
    with FrameAccess(video) as frames:
        for number in numbers:
            np.testing.assert_array_equal(frames.read(number), expected[number - 1].frame)
        for outside in (0, 61):
            with pytest.raises(ValueError, match=f"got {outside}"):
                frames.read(outside)
        np.testing.assert_array_equal(frames.read(7), expected[6].frame)
    np.testing.assert_allclose(video.times(), [each.time for each in expected], atol=1e-9)
    np.testing.assert_allclose(video.times(), times - times[0], atol=0.001)


def test_late_start_is_reached_without_decoding_what_is_before(tmp_path, monkeypatch):
    video = open_video(write_stream(tmp_path / "long.mp4", 300))
    expected = list(video.iter_timed_frames())[250:]
    skips = []
    skip = video_reader.AvReader.skip
    monkeypatch.setattr(video_reader.AvReader, "skip", lambda self: skips.append(1) or skip(self))
    found = list(video.iter_timed_frames(start=251))
    assert len(skips) < 12
    assert [each.number for each in found] == list(range(251, 301))
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.time == theirs.time
        np.testing.assert_array_equal(ours.frame, theirs.frame)


def test_frames_without_an_index_are_found_by_decoding(tmp_path):
    path = write_stream(tmp_path / "a.h264", 30)
    expected = list(open_video(path))
    with FrameAccess(open_video(path)) as frames:
        for number in (7, 3, 30, 8, 9):
            np.testing.assert_array_equal(frames.read(number), expected[number - 1])
    np.testing.assert_allclose(open_video(path).times(), np.arange(30) / 25)
