"""Audio of a source in a video made from it: the same sound at the same time."""

import av
import numpy as np
import pytest

from deepsort_reid.cli.main import main
from deepsort_reid.io.video_reader import open_video
from deepsort_reid.io.video_writer import VideoWriter
from tests.cli import synthetic_video

RATE = 48_000
BEEP = (2.0, 2.5)  # seconds


def write_source(path, audio_codec, seconds=4):
    """A video with a beep: silence elsewhere."""
    moments = np.arange(seconds * RATE) / RATE
    sound = np.where((moments >= BEEP[0]) & (moments < BEEP[1]), 0.5, 0.0)
    sound = (sound * np.sin(2 * np.pi * 440 * moments) * 32767).astype(np.int16)
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=10)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        audio = container.add_stream(audio_codec, rate=RATE, layout="mono")
        for number in range(10 * seconds):
            image = np.full((48, 64, 3), 5 * number, dtype=np.uint8)
            frame = av.VideoFrame.from_ndarray(image, format="bgr24")
            container.mux(video.encode(frame))
            start = number * RATE // 10
            piece = sound[None, start : start + RATE // 10]
            frame = av.AudioFrame.from_ndarray(piece, format="s16", layout="mono")
            frame.sample_rate, frame.pts = RATE, start
            container.mux(audio.encode(frame))
        container.mux(video.encode(None))
        container.mux(audio.encode(None))
    return path


def beep_of(path):
    """When the sound begins and ends, in seconds from the first frame of the video."""
    loud = []
    with av.open(str(path)) as container:
        zero = next(container.decode(video=0)).time
    with av.open(str(path)) as container:
        for frame in container.decode(audio=0):
            samples = frame.to_ndarray().astype(np.float64)
            level = np.abs(samples).max() / (1.0 if frame.format.is_planar else 32768)
            if level > 0.1:
                loud.append((frame.time - zero, frame.time - zero + frame.samples / RATE))
    return loud[0][0], loud[-1][1]


@pytest.mark.parametrize(
    ("name", "codec"), [("a.mp4", "aac"), ("a.mkv", "pcm_s16le"), ("a.mp4", "mp3"), ("a.ts", "mp2")]
)
@pytest.mark.parametrize("first", [1, 11])
def test_sound_is_heard_when_it_is_in_the_source(name, codec, first, tmp_path):
    source = write_source(tmp_path / name, codec)
    video = open_video(source)
    out = tmp_path / "out.mp4"
    with VideoWriter(out, 10, video.size, audio=source) as writer:
        for timed in video.iter_timed_frames(start=first, stop=35):
            writer.write(timed.frame, timed.time)
    assert len(list(open_video(out))) == 36 - first
    offset = (first - 1) / 10
    begin, end = beep_of(out)
    assert begin == pytest.approx(BEEP[0] - offset, abs=0.08)
    assert end == pytest.approx(BEEP[1] - offset, abs=0.08)
    with av.open(str(out)) as container:
        duration = container.streams.audio[0].duration * container.streams.audio[0].time_base
        assert duration == pytest.approx(3.5 - offset, abs=0.15)


def test_track_carries_the_audio_over(tmp_path):
    source = write_source(tmp_path / "a.mp4", "aac")
    options = ["--embedder", "none", "--detector", "background", "--quiet", "--audio"]
    assert main(["track", str(source), *options, "--out", str(tmp_path / "out")]) == 0
    assert beep_of(tmp_path / "out" / "video.mp4") == pytest.approx(BEEP, abs=0.08)
    summary = synthetic_video.read_strict_json(tmp_path / "out" / "summary.json")
    assert summary["videos"][0]["audio"] is True


@pytest.mark.parametrize(
    ("source", "options", "message"),
    [
        ("silent.mp4", [], "--audio: expected a video with audio, got "),
        ("silent.mp4", ["--no-video"], "--audio: expected an annotated video, got --no-video"),
        ("images", [], "--audio: expected a video file as source, got "),
    ],
)
def test_source_without_audio_is_one_line(source, options, message, tmp_path, capsys):
    synthetic_video.write_video(tmp_path / "silent.mp4", 4)
    synthetic_video.write_images(tmp_path / "images", 4)
    options = [*options, "--audio", "--embedder", "none", "--out", str(tmp_path / "out")]
    assert main(["track", str(tmp_path / source), *options, "--detector", "background"]) == 2
    assert message in synthetic_video.read_error_line(capsys)
    assert not (tmp_path / "out").exists()
