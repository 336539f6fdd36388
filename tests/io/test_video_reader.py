"""Frames of every kind of source, and damaged or invalid sources."""

import cv2
import numpy as np
import pytest

from deepsort_reid.io import video_reader as module
from deepsort_reid.io.live_options import LiveOptions
from deepsort_reid.io.video import TruncatedVideo
from deepsort_reid.io.video_reader import iter_frames, open_video
from deepsort_reid.io.video_writer import VideoWriter
from tests.io.ffmpeg import ffmpeg


def grey_frames(count, width=64, height=48):
    """Frame k (from 0) is uniformly grey of level 10 k."""
    return [np.full((height, width, 3), 10 * k, dtype=np.uint8) for k in range(count)]


def write_images(folder, frames, name="{:06d}.png"):
    folder.mkdir(parents=True)
    for number, frame in enumerate(frames, start=1):
        assert cv2.imwrite(str(folder / name.format(number)), frame)
    return folder


def write_video(path, frames, frame_rate=10):
    with VideoWriter(path, frame_rate, (frames[0].shape[1], frames[0].shape[0])) as video:
        for frame in frames:
            video.write(frame)
    return path


def grey_levels(frames):
    return [(number, round(float(frame.mean()) / 10)) for number, frame in frames]


@pytest.fixture(params=["video", "images", "sequence of images", "sequence of a video", "frames"])
def source(request, tmp_path):
    """Twelve frames as each kind of source that can be read more than once."""
    frames = grey_frames(12)
    if request.param == "video":
        return write_video(tmp_path / "street.avi", frames)
    if request.param == "images":
        return str(write_images(tmp_path / "images", frames))
    if request.param == "frames":
        return frames
    folder = tmp_path / "SEQ-01"
    if request.param == "sequence of images":
        write_images(folder / "img1", frames)
    else:
        folder.mkdir()
        write_video(folder / "video.avi", frames)
    (folder / "seqinfo.ini").write_text("[Sequence]\nname=SEQ-01\nframeRate=7\nimDir=img1\n")
    return folder


def test_source_yields_the_same_frames_each_time(source):
    video = open_video(source)
    assert (video.size, video.length) == ((64, 48), 12)
    for _ in range(2):
        assert [round(float(frame.mean()) / 10) for frame in video] == list(range(12))


def test_frames_are_numbered_from_one(source):
    assert grey_levels(iter_frames(source)) == [(k + 1, k) for k in range(12)]


def test_start_stop_and_every_select_frames_and_keep_their_numbers(source):
    assert grey_levels(iter_frames(source, start=3, stop=10, every=3)) == [(3, 2), (6, 5), (9, 8)]
    assert grey_levels(iter_frames(source, start=12)) == [(12, 11)]
    assert grey_levels(iter_frames(source, stop=1)) == [(1, 0)]
    assert grey_levels(iter_frames(source, start=2, stop=99, every=7)) == [(2, 1), (9, 8)]


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"start": 0}, "start: expected a frame number from 1, got 0"),
        ({"start": 5, "stop": 4}, "stop: expected a frame number from start = 5 on, got 4"),
        ({"every": 0}, "every: expected at least 1, got 0"),
        ({"start": 13}, "start: expected a frame up to the last one, 12, got 13"),
    ],
)
def test_range_outside_the_video_is_rejected_by_the_call(source, choice, message):
    with pytest.raises(ValueError, match=message):
        iter_frames(source, **choice)


def test_frame_rate_comes_from_the_caller_seqinfo_or_file(tmp_path):
    folder = tmp_path / "SEQ-02"
    folder.mkdir()
    path = write_video(folder / "video.avi", grey_frames(3), frame_rate=10)
    assert open_video(path).frame_rate == pytest.approx(10)
    (folder / "seqinfo.ini").write_text("[Sequence]\nframeRate=7\n")
    assert open_video(folder).frame_rate == 7
    assert open_video(folder, frame_rate=14).frame_rate == 14
    images = write_images(tmp_path / "images", grey_frames(2))
    assert open_video(images).frame_rate == module.DEFAULT_FRAME_RATE
    with pytest.raises(ValueError, match="frame_rate: expected"):
        open_video(images, frame_rate=0)


def times_of(source, **choice):
    return [frame.time for frame in open_video(source).iter_timed_frames(**choice)]


def test_frames_have_their_times_in_seconds(source):
    rate = open_video(source).frame_rate
    expected = [k / rate for k in range(12)]
    np.testing.assert_allclose(times_of(source), expected, atol=1e-9)
    np.testing.assert_allclose(times_of(source, start=3, every=4), expected[2::4], atol=1e-9)
    timed = list(open_video(source).iter_timed_frames(every=4))
    assert [(frame.number, frame.dt) for frame in timed] == [(1, 4), (5, 4), (9, 4)]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts"])
def test_times_of_a_variable_frame_rate_are_those_of_the_container(suffix, tmp_path):
    """Frames at 25 per second, of which those of 0.8 to 2.4 s are missing."""
    path = tmp_path / f"variable{suffix}"
    ffmpeg(
        *("-f", "lavfi", "-i", "testsrc=size=64x48:rate=25:duration=4"),
        *("-vf", "select='not(between(n,20,59))'", "-vsync", "vfr", "-bf", "2", str(path)),
    )
    expected = [n / 25 for n in range(100) if not 20 <= n <= 59]
    np.testing.assert_allclose(times_of(path), expected, atol=0.002)
    np.testing.assert_allclose(times_of(path, start=20, every=2), expected[19::2], atol=0.002)


def test_given_frame_rate_overrides_the_stored_times(tmp_path):
    path = write_video(tmp_path / "video.avi", grey_frames(3), frame_rate=10)
    timed = open_video(path, frame_rate=5).iter_timed_frames()
    assert [frame.time for frame in timed] == pytest.approx([0, 0.2, 0.4])


def test_stored_times_that_do_not_grow_are_replaced(tmp_path, monkeypatch):
    path = write_video(tmp_path / "video.avi", grey_frames(6), frame_rate=10)
    stored = iter([0.0, 0.0, 0.5, 0.4, -3.0, 0.9])
    monkeypatch.setattr(module.AvReader, "time", property(lambda self: next(stored)))
    assert times_of(path) == pytest.approx([0, 0.1, 0.5, 0.6, 0.7, 0.9])


def test_images_are_read_in_natural_order_and_grey_ones_as_bgr(tmp_path):
    folder = write_images(tmp_path / "images", [f[:, :, 0] for f in grey_frames(11)], "view{}.png")
    (folder / "notes.txt").write_text("not an image")
    assert grey_levels(iter_frames(folder)) == [(k + 1, k) for k in range(11)]


def test_iterator_of_frames_has_no_length_and_is_read_once(tmp_path):
    video = open_video(iter(grey_frames(3)))
    assert video.length is None
    assert grey_levels(video.iter_frames()) == [(1, 0), (2, 1), (3, 2)]
    assert list(video) == []


def test_single_image_is_a_video_of_one_frame(tmp_path):
    folder = write_images(tmp_path / "images", grey_frames(1))
    assert open_video(folder / "000001.png").length == 1


@pytest.mark.parametrize("ending", [".avi", ".mkv"])
def test_truncated_file_yields_its_frames_and_then_raises(tmp_path, ending, capfd):
    rng = np.random.default_rng(0)
    noise = [rng.integers(0, 256, (48, 64, 3), dtype=np.uint8) for _ in range(80)]
    whole = write_video(tmp_path / f"whole{ending}", noise)
    cut = tmp_path / f"cut{ending}"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    read = []
    with pytest.raises(TruncatedVideo, match="cut off or damaged") as error:
        read.extend(number for number, _ in iter_frames(cut))
    assert 20 < len(read) < 60
    assert error.value.frames_read == len(read)
    assert error.value.frames_promised == 80
    assert f"only {len(read)} of 80 frames could be read" in str(error.value)
    assert str(cut) in str(error.value)
    # Stopping before the missing part raises nothing.
    assert len(list(iter_frames(cut, stop=10))) == 10
    capfd.readouterr()


def test_undecodable_image_ends_the_video_and_is_named(tmp_path):
    folder = write_images(tmp_path / "images", grey_frames(6))
    (folder / "000004.png").write_bytes(b"not an image")
    numbers = []
    with pytest.raises(TruncatedVideo, match=r"000004\.png: expected an image") as error:
        numbers.extend(number for number, _ in iter_frames(folder))
    assert numbers == [1, 2, 3]
    assert (error.value.frames_read, error.value.frames_promised) == (3, 6)


def test_change_of_frame_size_ends_the_video_and_names_both_sizes(tmp_path):
    folder = write_images(tmp_path / "images", [*grey_frames(3), *grey_frames(1, width=32)])
    numbers = []
    with pytest.raises(TruncatedVideo, match="frame 4 is 32x48 pixels, expected 64x48"):
        numbers.extend(number for number, _ in iter_frames(folder))
    assert numbers == [1, 2, 3]


@pytest.mark.parametrize("bad", [None, np.zeros((48, 64), np.uint8), np.zeros((48, 64, 3))])
def test_frames_that_are_none_grey_or_float_are_rejected(bad):
    with pytest.raises(ValueError, match="frames: frame 2: expected a BGR uint8 array"):
        list(iter_frames([grey_frames(1)[0], bad, grey_frames(1)[0]]))


def test_missing_empty_and_non_video_files_are_rejected_without_output(tmp_path, capfd):
    with pytest.raises(FileNotFoundError, match=r"absent\.mp4: no such video file"):
        open_video(tmp_path / "absent.mp4")
    empty = tmp_path / "empty.mp4"
    empty.touch()
    with pytest.raises(ValueError, match=r"empty\.mp4: expected a video, got an empty file"):
        open_video(empty)
    text = tmp_path / "text.mp4"
    text.write_text("this is no video\n" * 100)
    with pytest.raises(ValueError, match=r"text\.mp4: expected a video, got a file without"):
        open_video(str(text))
    whole = write_video(tmp_path / "whole.mp4", grey_frames(20))
    headless = tmp_path / "headless.mp4"
    headless.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    with pytest.raises(ValueError, match="cut off before its index"):
        open_video(headless)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("name", ["tracks.txt", "tracks.CSV", "a.json", "a.jsonl", "found.npz"])
def test_table_files_are_rejected_with_the_option_for_detections(name, tmp_path):
    path = tmp_path / name
    path.write_text("1,1,10,20,30,60,0.9,-1,-1,-1\n" * 500)
    with pytest.raises(ValueError, match=r"expected a video, got a \.\w+ file .*--detections"):
        open_video(path)
    with pytest.raises(FileNotFoundError, match="absent"):
        open_video(tmp_path / f"absent-{name}")


def test_folders_without_images_or_with_several_videos_are_rejected(tmp_path):
    with pytest.raises(ValueError, match=r"expected images .* or one video file, got neither"):
        open_video(tmp_path)
    for name in ("a.avi", "b.avi"):
        write_video(tmp_path / name, grey_frames(2))
    with pytest.raises(ValueError, match=r"got a\.avi, b\.avi"):
        open_video(tmp_path)
    (tmp_path / "sequence" / "img1").mkdir(parents=True)
    with pytest.raises(ValueError, match="expected images, got a folder without any"):
        open_video(tmp_path / "sequence")


@pytest.mark.parametrize(
    ("content", "message"),
    [("no section", "expected a \\[Sequence\\]"), ("[Sequence]\nframeRate=fast\n", "fast")],
)
def test_invalid_seqinfo_is_named(tmp_path, content, message):
    write_images(tmp_path / "sequence" / "img1", grey_frames(1))
    (tmp_path / "sequence" / "seqinfo.ini").write_text(content)
    with pytest.raises(ValueError, match=message) as error:
        open_video(tmp_path / "sequence")
    assert "seqinfo.ini" in str(error.value)


def test_cameras_and_streams_without_frames_are_named(capfd):
    for source, name in ((97, "camera 97"), ("97", "camera 97")):
        with pytest.raises(OSError, match=f"{name}: expected frames, got none"):
            open_video(source)
    with pytest.raises(OSError, match=r"stream rtsp://127\.0\.0\.1:1/none: expected frames"):
        open_video("rtsp://127.0.0.1:1/none")
    assert capfd.readouterr().err == ""


def test_first_frame_of_a_camera_is_not_lost(tmp_path, monkeypatch):
    path = write_video(tmp_path / "camera.avi", grey_frames(5))
    real = cv2.VideoCapture

    def camera(address):
        assert address == 0
        return real(str(path))

    monkeypatch.setattr(module.cv2, "VideoCapture", camera)
    video = open_video("0", live=LiveOptions(reconnect=0))
    assert (video.name, video.size, video.length) == ("camera 0", (64, 48), None)
    found = []
    with pytest.raises(TruncatedVideo, match="camera 0: the source ended: only 5 frames"):
        found.extend(grey_levels([each])[0] for each in video.iter_frames(every=2))
    assert found == [(1, 0), (3, 2), (5, 4)]


def test_unsupported_sources_are_rejected():
    with pytest.raises(ValueError, match="expected a path, a camera number"):
        open_video(3.5)
    with pytest.raises(ValueError, match="expected at least one"):
        open_video([])


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "size", "length", "rate"),
    [
        ("PETS09-S2L1", (768, 576), 795, 7),
        ("TUD-Campus", (640, 480), 71, 25),
        ("MOT16-09", (1920, 1080), 525, 30),
    ],
)
def test_real_sequences_have_the_properties_of_their_seqinfo(data_root, name, size, length, rate):
    video = open_video(data_root / "mot" / name)
    assert (video.size, video.length, video.frame_rate) == (size, length, rate)
    numbers = [number for number, _ in video.iter_frames(every=70)]
    assert numbers == list(range(1, length + 1, 70))


@pytest.mark.data
def test_real_video_cut_in_half_yields_its_first_half(data_root, tmp_path, capfd):
    content = (data_root / "mot" / "PETS09-S2L1" / "video.avi").read_bytes()
    cut = tmp_path / "cut.avi"
    cut.write_bytes(content[: len(content) // 2])
    numbers = []
    with pytest.raises(TruncatedVideo, match="of 795 frames could be read"):
        numbers.extend(number for number, _ in iter_frames(cut))
    assert numbers == list(range(1, len(numbers) + 1))
    assert 300 < len(numbers) < 500
    capfd.readouterr()
