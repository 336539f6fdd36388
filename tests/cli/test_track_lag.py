"""`track --lag` and `track_frames` with a fixed lag."""

import numpy as np
import pytest

from deepsort_reid import DeepSort, FixedLag
from deepsort_reid.io.mot import read_results
from deepsort_reid.io.video import TruncatedVideo
from deepsort_reid.pipeline import track_frames, track_video
from tests.cli import synthetic_video

FRAMES = synthetic_video.FRAMES


def test_lagged_frames_have_their_own_image_and_detections():
    frames = list(
        track_frames(
            synthetic_video.render_frames(FRAMES),
            synthetic_video.TrueBoxDetector(),
            FixedLag(DeepSort(), 3),
        )
    )
    assert [frame.number for frame in frames] == list(range(1, FRAMES + 1))
    for frame in frames:
        np.testing.assert_array_equal(frame.frame, synthetic_video.render_frame(frame.number))
        np.testing.assert_array_equal(
            frame.detections.xyxy, synthetic_video.true_boxes(frame.number)
        )
        ids = frame.tracks.id_of_detection(2)
        assert ids.tolist() == frames[0].tracks.id_of_detection(2).tolist()
        assert sorted(ids.tolist()) == [1, 2]


def test_lag_longer_than_the_video_gives_all_frames():
    frames = track_video(
        synthetic_video.render_frames(FRAMES),
        synthetic_video.TrueBoxDetector(),
        FixedLag(DeepSort(), 100),
        every=2,
    )
    assert [number for number, _, _ in frames] == [1, 3, 5, 7]


def test_buffered_frames_are_emitted_before_the_error_of_a_truncated_video():
    class TruncatedSource:
        def __iter__(self):
            yield from synthetic_video.render_frames(4)
            raise TruncatedVideo("cut off after frame 4", 4, 9)

    frames = track_frames(
        TruncatedSource(), synthetic_video.TrueBoxDetector(), FixedLag(DeepSort(), 2)
    )
    assert [next(frames).number for _ in range(4)] == [1, 2, 3, 4]
    with pytest.raises(TruncatedVideo, match="cut off after frame 4"):
        next(frames)


def test_embeddings_are_computed_once_per_frame():
    batch_sizes = []

    def embedder(frame, xyxy):
        batch_sizes.append(len(xyxy))
        return np.eye(8, dtype=np.float32)[: len(xyxy)]

    late = FixedLag(DeepSort(embedder=embedder), 2)
    assert (
        len(
            list(
                track_frames(
                    synthetic_video.render_frames(FRAMES), synthetic_video.TrueBoxDetector(), late
                )
            )
        )
        == FRAMES
    )
    assert batch_sizes == [2] * FRAMES
    assert late.last_detections.embedding.shape == (2, 8)


def test_lag_writes_ids_from_the_first_frame_on(run_track, out, capsys):
    assert run_track("--lag", "4") == 0
    rows = read_results(out / "tracks.txt")
    assert rows.frame.tolist() == np.repeat(range(1, FRAMES + 1), 2).tolist()
    assert set(rows.id.tolist()) == {1, 2}
    assert synthetic_video.decode_video(out / "video.mp4") == (
        FRAMES,
        (synthetic_video.WIDTH, synthetic_video.HEIGHT),
    )
    assert synthetic_video.read_strict_json(out / "summary.json")["lag"] == 4
    assert "8 frames, 2 identities, 16 boxes" in capsys.readouterr().out


def test_negative_lag_is_one_line(run_track, out, capsys):
    assert run_track("--quiet", "--lag", "-1") == 2
    message = "--lag: expected 0 frames or more, got -1"
    assert message in synthetic_video.read_error_line(capsys)
    assert not out.exists()


def test_every_delayed_row_is_explained(run_track, out):
    assert run_track("--lag", "4", "--explain", "--no-video") == 0
    rows = read_results(out / "tracks.txt")
    text = (out / "explanations.txt").read_text(encoding="utf-8")
    heads = [line.split(" s, ")[1] for line in text.splitlines() if " s, frame " in line]
    assert [head.split(":")[0].split(", last")[0] for head in heads] == [
        f"frame {frame}, track {id}"
        for frame, id in zip(rows.frame.tolist(), rows.id.tolist(), strict=True)
    ]
    assert "frame 1, track 1: the track began at detection" in text
    assert "without an id in this frame; later frames gave id 1" in text
    assert "was assigned id 1, new" in text
