"""Video files: complete, of the given size, and rejected early when they cannot be written."""

import os
import subprocess
import sys

import cv2
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


def test_odd_size_loses_at_most_one_row_and_column(tmp_path):
    write(tmp_path / "odd.mp4", grey_frames(3, width=65, height=49))
    width, height = open_video(tmp_path / "odd.mp4").size
    assert width in {64, 65}
    assert height in {48, 49}


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


def test_opencv_without_the_codec_is_a_clear_error(tmp_path, monkeypatch):
    monkeypatch.setitem(video_writer.CODECS, ".mp4", (("zzzz", "unknown"),))
    with pytest.raises(ValueError, match=r"cannot write \.mp4 files of 64x48 pixels"):
        VideoWriter(tmp_path / "out.mp4", 25, (64, 48))
    assert list(tmp_path.iterdir()) == []


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


FAKE_FFMPEG = """
import sys
if "-encoders" in sys.argv:
    print(" V....D libx264 H.264")
    sys.exit()
content = sys.stdin.buffer.read()
if {fails}:
    sys.exit(1)
open(sys.argv[-1], "wb").write(content)
"""


@pytest.mark.parametrize("fails", [False, True])
def test_ffmpeg_is_used_where_opencv_cannot_encode(tmp_path, monkeypatch, fails):
    program = tmp_path / "ffmpeg.py"
    program.write_text(FAKE_FFMPEG.format(fails=fails))
    monkeypatch.setattr(video_writer, "_ffmpeg", lambda: [sys.executable, str(program)])
    monkeypatch.setattr(video_writer, "_opencv_writer", lambda *_: None)
    frames = grey_frames(3)
    if fails:
        with pytest.raises(OSError, match="ffmpeg could not complete the video"):
            write(tmp_path / "out.mp4", frames)
        return
    assert write(tmp_path / "out.mp4", frames).codec == "H.264"
    assert (tmp_path / "out.mp4").read_bytes() == np.stack(frames).tobytes()


def test_fourcc_is_available_in_this_opencv():
    assert cv2.VideoWriter.fourcc(*"mp4v") == 0x7634706D


@pytest.mark.skipif(sys.platform == "win32", reason="limits of files are of POSIX")
@pytest.mark.parametrize("path", ["", None], ids=["OpenCV", "this PATH"])
def test_full_disk_names_the_video(path, tmp_path):
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
    file = tmp_path / "full.mp4"
    environment = {**os.environ, **({} if path is None else {"PATH": path})}
    done = subprocess.run(
        [sys.executable, "-c", script, str(file)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert str(file) in done.stdout, done.stderr
