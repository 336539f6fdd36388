"""Videos that are damaged, incomplete or unusual: one clear message, and no frame lost."""

import contextlib
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest

from deepsort_reid.io import av_reader, video_reader
from deepsort_reid.io.video import TruncatedVideo
from deepsort_reid.io.video_reader import open_video
from deepsort_reid.io.video_writer import VideoWriter
from tests.io.ffmpeg import ffmpeg


def write_noise(path, count=60, size=(64, 48)):
    rng = np.random.default_rng(0)
    with VideoWriter(path, 25, size) as video:
        for _ in range(count):
            video.write(rng.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8))
    return path


def test_mp4_without_frames_is_rejected(tmp_path):
    path = tmp_path / "none.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height = 64, 48
        container.start_encoding()
    with pytest.raises(ValueError, match=r"none\.mp4: expected a video, got a file without"):
        open_video(path)


def test_file_with_sound_only_is_rejected(tmp_path):
    path = tmp_path / "sound.m4a"
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=48_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 48_000), np.float32), "fltp", "mono")
        frame.sample_rate = 48_000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(ValueError, match=r"sound\.m4a: expected a video, got a file without"):
        open_video(path)


def test_damaged_bytes_end_no_video_and_print_nothing(tmp_path, capfd):
    whole = write_noise(tmp_path / "whole.mkv")
    content = bytearray(whole.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 2000] = b"\xff" * 2000
    damaged = tmp_path / "damaged.mkv"
    damaged.write_bytes(content)
    frames = 0
    with contextlib.suppress(TruncatedVideo):
        for _ in open_video(damaged):
            frames += 1
    assert frames >= 25
    assert capfd.readouterr() == ("", "")


def test_mp4_cut_in_its_middle_yields_its_frames_and_then_raises(tmp_path):
    whole = write_noise(tmp_path / "whole.mp4")
    ffmpeg("-i", str(whole), "-c", "copy", "-movflags", "faststart", str(tmp_path / "front.mp4"))
    content = (tmp_path / "front.mp4").read_bytes()
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(content[: len(content) // 2])
    frames = []
    with pytest.raises(TruncatedVideo, match=r"cut\.mp4: .* of 60 frames could be read"):
        frames.extend(open_video(cut))
    assert 20 < len(frames) < 40


def test_change_of_size_in_mid_stream_keeps_the_frames_before(tmp_path):
    path = tmp_path / "changing.ts"
    content = b""
    for size in ((64, 48), (96, 48)):
        write_noise(tmp_path / f"{size[0]}.mkv", 10, size)
        part = tmp_path / f"{size[0]}.ts"
        ffmpeg("-i", str(tmp_path / f"{size[0]}.mkv"), "-c", "copy", str(part))
        content += part.read_bytes()
    path.write_bytes(content)
    frames = []
    with pytest.raises(TruncatedVideo, match="frame 11 is 96x48 pixels, expected 64x48"):
        frames.extend(open_video(path))
    assert len(frames) == 10


def test_negative_and_doubled_times_give_growing_ones(tmp_path):
    path = tmp_path / "times.mkv"
    stamps = [-4, -3, -2, -1, 0, 5, 5, 9]  # of 1 / 25 s
    with av.open(str(path), "w", options={"avoid_negative_ts": "disabled"}) as container:
        stream = container.add_stream("mjpeg", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuvj420p"
        for number, stamp in enumerate(stamps):
            image = np.full((48, 64, 3), 20 * number, dtype=np.uint8)
            frame = av.VideoFrame.from_ndarray(image, format="bgr24").reformat(format="yuvj420p")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            for packet in stream.encode(frame):
                packet.pts = packet.dts = stamp
                container.mux(packet)
    timed = list(open_video(path).iter_timed_frames())
    assert [round(each.frame.mean() / 20) for each in timed] == list(range(8))
    expected = [0, 0.04, 0.08, 0.12, 0.16, 0.36, 0.4, 0.52]
    np.testing.assert_allclose([each.time for each in timed], expected, atol=0.001)
    assert (np.diff([each.time for each in timed]) > 0).all()
    np.testing.assert_allclose(open_video(path).times(), [each.time for each in timed])


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_rotated_video_is_upright_as_with_opencv(degrees, tmp_path, monkeypatch):
    image = np.zeros((48, 64, 3), dtype=np.uint8)
    image[:24, :32] = (0, 0, 255)  # top left
    with VideoWriter(tmp_path / "plain.mp4", 25, (64, 48)) as video:
        for _ in range(3):
            video.write(image)
    path = tmp_path / "turned.mp4"
    rotate = ("-metadata:s:v", f"rotate={degrees}")
    ffmpeg("-i", str(tmp_path / "plain.mp4"), "-c", "copy", *rotate, str(path))
    (frame, *_) = list(open_video(path))
    monkeypatch.setattr(video_reader, "is_av_available", lambda: False)
    (of_opencv, *_) = list(open_video(path))
    np.testing.assert_array_equal(frame, of_opencv)
    assert frame.shape[:2] == ((48, 64) if degrees == 180 else (64, 48))
    ffmpeg("-i", str(path), "-frames:v", "1", str(tmp_path / "upright.png"))
    np.testing.assert_allclose(frame, cv2.imread(str(tmp_path / "upright.png")), atol=4)


def test_interlaced_video_is_read(tmp_path):
    """OpenCV 5 returns noise for it."""
    flags = ("-c:v", "libx264", "-flags", "+ildct+ilme", "-qp", "10")
    source = ("-f", "lavfi", "-i", "color=orange:size=64x48:rate=25:duration=0.4")
    ffmpeg(*source, *flags, str(tmp_path / "interlaced.mp4"))
    for frame in open_video(tmp_path / "interlaced.mp4"):
        np.testing.assert_allclose(frame.reshape(-1, 3), [[0, 165, 255]] * 64 * 48, atol=8)


def test_hardware_decoding_without_such_a_device_is_software(tmp_path):
    path = write_noise(tmp_path / "a.mp4", 12)
    with_hardware = list(open_video(path, hardware=True))
    assert len(with_hardware) == 12
    for ours, expected in zip(with_hardware, open_video(path), strict=True):
        np.testing.assert_array_equal(ours, expected)


def test_reader_without_pyav_is_opencv(tmp_path, monkeypatch):
    path = write_noise(tmp_path / "a.mp4", 12)
    expected = list(open_video(path))
    monkeypatch.setattr(video_reader, "is_av_available", lambda: False)
    monkeypatch.setattr(av_reader.AvReader, "__init__", lambda *given, **named: pytest.fail("av"))
    found = list(open_video(path))
    np.testing.assert_array_equal(found, expected)
