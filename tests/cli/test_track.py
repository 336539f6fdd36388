"""`track`: tracks, video, notes and names of the output."""

import cv2
import numpy as np
import pytest

from deepsort_reid.cli.main import main
from deepsort_reid.cli.output_options import source_name
from deepsort_reid.io.mot import read_ground_truth, read_results
from deepsort_reid.vision.drawing import Drawer
from tests.cli import synthetic_video

FRAMES = synthetic_video.FRAMES  # six of them with ids: a track is confirmed in its third frame


def test_tracks_of_two_people_are_written_and_drawn(run_track, out, capsys):
    assert run_track() == 0
    rows = read_results(out / "tracks.txt")
    assert rows.frame.tolist() == np.repeat(range(3, FRAMES + 1), 2).tolist()
    assert set(rows.id.tolist()) == {1, 2}
    for frame in range(3, FRAMES + 1):
        np.testing.assert_allclose(
            np.sort(rows.xyxy[rows.frame == frame], axis=0),
            np.sort(synthetic_video.true_boxes(frame), axis=0),
            atol=1e-6,
        )
    assert synthetic_video.decode_video(out / "video.mp4") == (
        FRAMES,
        (synthetic_video.WIDTH, synthetic_video.HEIGHT),
    )
    assert "8 frames, 2 identities, 12 boxes" in capsys.readouterr().out
    names = ["index.html", "people.csv", "summary.json", "tracks.txt", "video.mp4"]
    assert sorted(p.name for p in out.iterdir()) == names


def test_written_and_drawn_boxes_are_equal(run_track, out, monkeypatch):
    drawn, draw = [], Drawer.__call__

    def spy(self, frame, tracks):
        drawn.append(tracks.xyxy)
        return draw(self, frame, tracks)

    monkeypatch.setattr(Drawer, "__call__", spy)
    assert run_track() == 0
    rows = read_results(out / "tracks.txt")
    last = rows.xyxy[rows.frame == FRAMES]
    np.testing.assert_allclose(last, drawn[-1], atol=0.01)


def test_every_second_frame_keeps_frame_numbers_boxes_and_video_speed(run_track, out):
    assert run_track("--every", "2", "--start", "2", "--stop", "8") == 0
    rows = read_results(out / "tracks.txt")
    # Frames 2, 4, 6, 8: the third of them is the first with ids.
    assert rows.frame.tolist() == [6, 6, 8, 8]
    np.testing.assert_allclose(
        np.sort(rows.xyxy[rows.frame == 8], axis=0),
        np.sort(synthetic_video.true_boxes(8), axis=0),
        atol=1e-6,
    )
    assert synthetic_video.decode_video(out / "video.mp4")[0] == 4
    capture = cv2.VideoCapture(str(out / "video.mp4"))
    assert capture.get(cv2.CAP_PROP_FPS) == pytest.approx(10 / 2)
    capture.release()


def test_quiet_prints_nothing_and_default_detector_is_noted(run_track, capsys):
    assert run_track("--quiet", "--no-video", "--stop", "3", detector=()) == 0
    assert capsys.readouterr() == ("", "")
    assert run_track("--no-video", "--stop", "3", detector=()) == 0
    assert "no detector given: using background subtraction" in capsys.readouterr().out


def test_sequence_folder_is_tracked_with_its_det_file(tmp_path, out, capsys):
    folder = synthetic_video.write_sequence(tmp_path / "SEQ-01", FRAMES, images=True)
    options = ["--embedder", "none", "--no-video", "--out", str(out)]
    assert main(["track", str(folder), *options, "--start", "3"]) == 0
    assert str(folder / "det" / "det.txt") in capsys.readouterr().out
    rows = read_results(out / "tracks.txt")
    assert rows.frame.min() == 5
    np.testing.assert_allclose(
        np.sort(rows.xyxy[rows.frame == 5], axis=0),
        np.sort(synthetic_video.true_boxes(5), axis=0),
        atol=1e-6,
    )


def test_default_output_folder_is_named_after_the_source(video, detections, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options = ["--detections", str(detections), "--embedder", "none", "--no-video", "--quiet"]
    assert main(["track", str(video), *options]) == 0
    assert (tmp_path / "street-tracks" / "tracks.txt").is_file()


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("0", "camera-0"),
        ("videos/market.mp4", "market"),
        ("images/", "images"),
        ("rtsp://host/yard", "yard"),
        ("rtsp://host:554/", "host-554"),
        ("rtsp://admin:secret@host:554/", "host-554"),
        ("http://host/live?channel=2&key=b", "live-channel-2-key"),
        (".", "video"),
        ("/", "video"),
    ],
)
def test_source_name_of_cameras_files_folders_and_streams(source, name):
    assert source_name(source) == name


@pytest.mark.data
def test_tud_campus_scores_with_public_detections(data_root, out):
    folder = data_root / "mot" / "TUD-Campus"
    options = ["--embedder", "none", "--out", str(out), "--quiet"]
    assert main(["track", str(folder), *options]) == 0
    from deepsort_reid.metrics import evaluate

    rows = read_results(out / "tracks.txt")
    frames = synthetic_video.read_strict_json(out / "summary.json")["frames"]
    assert frames == 71
    size = synthetic_video.decode_video(out / "video.mp4")
    assert size == (71, (640, 480))
    scores = evaluate(read_ground_truth(folder / "gt" / "gt.txt"), rows, frames=frames)
    assert scores.identity.idf1 > 0.4
    assert scores.clear.mota > 0.35
