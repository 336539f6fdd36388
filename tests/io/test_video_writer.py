"""Video files: complete, of the given size, and rejected early when they cannot be written."""

import os
import signal
import subprocess
import sys

import av
import numpy as np
import pytest

from deepsort_reid.io import video_writer
from deepsort_reid.io.native_stderr import suppress_native_stderr
from deepsort_reid.io.video_reader import open_video
from deepsort_reid.io.video_writer import VideoWriter


def grey_frames(count, width=64, height=48):
    return [np.full((height, width, 3), 40 + 10 * i, dtype=np.uint8) for i in range(count)]


def write(path, frames, frame_rate=25.0):
    size = (frames[0].shape[1], frames[0].shape[0])
    with VideoWriter(path, frame_rate, size) as video:
        for frame in frames:
            video.write(frame)
    return video


@pytest.mark.parametrize("name", ["out.mp4", "out.avi", "out.webm", "out.MP4"])
def test_written_frames_are_read_back(tmp_path, name):
    written = write(tmp_path / name, grey_frames(9), frame_rate=12.5)
    assert written.frames == 9
    assert written.codec in {"H.264", "MPEG-4 part 2", "VP8", "VP9", "Motion JPEG"}
    video = open_video(tmp_path / name)
    assert video.size == (64, 48)
    assert video.frame_rate == pytest.approx(12.5, abs=0.01)
    levels = [frame.mean() for frame in video]
    np.testing.assert_allclose(levels, 40 + 10 * np.arange(9), atol=4)


@pytest.mark.parametrize("size", [(65, 49), (65, 48), (64, 49), (1, 1)])
def test_odd_sides_get_a_copy_of_their_last_row_and_column(size, tmp_path):
    width, height = size
    image = np.full((height, width, 3), 60, dtype=np.uint8)
    image[-1], image[:, -1] = 200, 200
    write(tmp_path / "odd.mp4", [image] * 3)
    (frame, *_) = list(open_video(tmp_path / "odd.mp4"))
    assert frame.shape[:2] == (height + height % 2, width + width % 2)
    np.testing.assert_allclose(frame[:, -1], 200, atol=12)
    np.testing.assert_allclose(frame[-1], 200, atol=12)


@pytest.mark.parametrize("name", ["out.mp4", "out.mkv", "out.webm"])
def test_frames_are_shown_at_their_times(name, tmp_path):
    """Times on any clock: irregular, with a gap of minutes, doubled, too early."""
    times = [100.0, 100.04, 100.5, 300.0, 300.0, 299.0, 301.0]
    with VideoWriter(tmp_path / name, 25, (64, 48)) as video:
        for time, frame in zip(times, grey_frames(7), strict=True):
            video.write(frame, time)
    written = open_video(tmp_path / name)
    expected = [0, 0.04, 0.5, 200, 200.04, 200.08, 201]
    np.testing.assert_allclose(written.times(), expected, atol=0.001)
    levels = [frame.mean() for frame in written]
    np.testing.assert_allclose(levels, 40 + 10 * np.arange(7), atol=4)


def test_colours_are_read_back_and_tagged(tmp_path):
    """A browser guesses BT.709 for large videos without a tag."""
    image = np.zeros((720, 1280, 3), dtype=np.uint8)
    colours = [(0, 0, 255), (0, 255, 0), (255, 0, 0), (200, 30, 90)]
    for column, colour in enumerate(colours):
        image[:, 320 * column : 320 * (column + 1)] = colour
    write(tmp_path / "colours.mp4", [image] * 2)
    (frame, *_) = list(open_video(tmp_path / "colours.mp4"))
    found = frame[360, 160::320]
    np.testing.assert_allclose(found, colours, atol=6)
    with av.open(str(tmp_path / "colours.mp4")) as container:
        context = container.streams.video[0].codec_context
        assert (context.colorspace, context.color_range) == (6, 1)  # BT.601, limited


def test_file_is_complete_after_ctrl_c(tmp_path):
    def interrupted():
        with VideoWriter(tmp_path / "cut.mp4", 25, (64, 48)) as video:
            for number, frame in enumerate(grey_frames(9)):
                if number == 6:
                    raise KeyboardInterrupt
                video.write(frame)

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert len(list(open_video(tmp_path / "cut.mp4"))) == 6


def test_writer_without_frames_leaves_no_file(tmp_path):
    with VideoWriter(tmp_path / "none.mp4", 25, (64, 48)) as video:
        pass
    video.close()
    assert list(tmp_path.iterdir()) == []


def test_frames_of_another_size_grey_or_none_are_rejected(tmp_path):
    with VideoWriter(tmp_path / "out.mp4", 25, (64, 48)) as video:
        video.write(grey_frames(1)[0])
        with pytest.raises(
            ValueError, match="expected frames of 64x48 pixels, got 48x64 as frame 2"
        ):
            video.write(np.zeros((64, 48, 3), dtype=np.uint8))
        with pytest.raises(ValueError, match="got None"):
            video.write(None)
        with pytest.raises(ValueError, match="grey"):
            video.write(np.zeros((48, 64), dtype=np.uint8))
    with pytest.raises(ValueError, match="closed"):
        video.write(grey_frames(1)[0])


@pytest.mark.parametrize("name", ["out.xyz", "out", "out.png"])
def test_suffix_that_is_not_a_video_is_rejected(tmp_path, name):
    with pytest.raises(ValueError, match=r"expected a video file name ending in \.avi"):
        VideoWriter(tmp_path / name, 25, (64, 48))


def test_opencv_writes_webm_where_pyav_is_missing_and_keeps_the_pace(tmp_path, monkeypatch):
    assert video_writer.playable_suffix() == ".mp4"
    monkeypatch.setattr(video_writer, "encoder_of", lambda suffix: None)
    assert video_writer.playable_suffix() == ".webm"
    with VideoWriter(tmp_path / "out.webm", 10, (64, 48)) as video:
        for time, frame in zip([0, 0.1, 0.5], grey_frames(3), strict=True):
            video.write(frame, time)
    assert video.codec == "VP9"
    levels = [frame.mean() for frame in open_video(tmp_path / "out.webm")]
    np.testing.assert_allclose(levels, [40, 50, 50, 50, 50, 60], atol=4)
    with pytest.raises(ValueError, match=r"\.mp4 files needs PyAV .*pip install av.*\.webm"):
        VideoWriter(tmp_path / "out.mp4", 25, (64, 48))
    with pytest.raises(ValueError, match="audio that PyAV writes"):
        VideoWriter(tmp_path / "sound.webm", 25, (64, 48), audio=tmp_path / "out.webm")
    monkeypatch.setitem(video_writer._OPENCV_CODECS, ".webm", (("zzzz", "unknown"),))
    with pytest.raises(ValueError, match=r"can write \.webm files of 64x48 pixels here: pip inst"):
        VideoWriter(tmp_path / "none.webm", 25, (64, 48))
    assert [path.name for path in tmp_path.iterdir()] == ["out.webm"]


def test_missing_folder_and_folder_in_place_of_the_file_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="expected an existing folder"):
        VideoWriter(tmp_path / "absent" / "out.mp4", 25, (64, 48))
    (tmp_path / "taken.mp4").mkdir()
    with pytest.raises(IsADirectoryError, match=r"taken\.mp4"):
        VideoWriter(tmp_path / "taken.mp4", 25, (64, 48))


@pytest.mark.parametrize(
    ("frame_rate", "size", "message"),
    [
        (0, (64, 48), "frame_rate"),
        (float("nan"), (64, 48), "frame_rate"),
        (25, (64, 0), "size"),
        (25, (64.5, 48), "size"),
        (25, (64, 48, 3), "size"),
    ],
)
def test_invalid_frame_rate_and_size_are_rejected(tmp_path, frame_rate, size, message):
    with pytest.raises(ValueError, match=f"^{message}: expected"):
        VideoWriter(tmp_path / "out.mp4", frame_rate, size)


def test_missing_codec_prints_nothing(tmp_path, capfd):
    write(tmp_path / "out.mp4", grey_frames(2))
    assert capfd.readouterr().err == ""


def test_stderr_works_after_it_was_suppressed(capfd):
    with suppress_native_stderr():
        os.write(2, b"hidden")
    os.write(2, b"shown")
    assert capfd.readouterr().err == "shown"


@pytest.mark.skipif(sys.platform == "win32", reason="limits of files are of POSIX")
@pytest.mark.parametrize("name", ["full.mp4", "full.avi"])
def test_full_disk_names_the_video(name, tmp_path):
    """A limit on the size of files stands for a full disk; OpenCV itself reports no error."""
    script = """
import resource, sys
import numpy as np
from deepsort_reid.io.video_writer import VideoWriter
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
noise = np.random.default_rng(0).integers(0, 255, (240, 320, 3), dtype=np.uint8)
try:
    with VideoWriter(sys.argv[1], 25, (320, 240)) as writer:
        for shift in range(60):
            writer.write(np.roll(noise, shift, axis=1))
except OSError as error:
    print(error)
"""
    file = tmp_path / name
    done = subprocess.run(
        [sys.executable, "-c", script, str(file)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert str(file) in done.stdout, done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is a signal of POSIX")
@pytest.mark.parametrize("name", ["video.mp4", "video.mkv", "video.webm"])
def test_video_of_a_killed_process_is_playable(name, tmp_path):
    script = """
import os, signal, sys
import numpy as np
from deepsort_reid.io.video_writer import VideoWriter
writer = VideoWriter(sys.argv[1], 25, (64, 48))
for number in range(200):
    writer.write(np.full((48, 64, 3), number, dtype=np.uint8))
os.kill(os.getpid(), signal.SIGKILL)
"""
    path = tmp_path / name
    ended = subprocess.run([sys.executable, "-c", script, str(path)], check=False)
    assert ended.returncode == -signal.SIGKILL
    video = open_video(path)
    levels = [frame.mean() for frame in video]
    assert len(levels) > 200 - 50  # lost are those in the encoder, and of the last fragment
    np.testing.assert_allclose(levels, np.arange(len(levels)), atol=6)
    np.testing.assert_allclose(video.times(), np.arange(len(levels)) / 25, atol=0.001)
