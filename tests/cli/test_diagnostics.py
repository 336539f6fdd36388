"""Notes that `track` prints on stderr about implausible detections and a moving camera."""

import cv2
import numpy as np
import pytest

from deepsort_reid import DeepSort, DeepSortConfig, Detections
from deepsort_reid.cli.diagnostics import Diagnostics
from deepsort_reid.cli.main import main
from deepsort_reid.scene.street import Street
from tests.cli import synthetic_video

INSIDE = [10, 10, 30, 60]
NEW_TRACK_SCORE = 0.6
OUTSIDE = (
    "boxes are outside the frame of 160x120 pixels: do the detections belong to another video?"
)


def lines_of(frames, new_track_score=NEW_TRACK_SCORE):
    """Notes on frames of (boxes, scores) of 160x120 pixels."""
    diagnostics = Diagnostics((160, 120))
    for xyxy, score in frames:
        diagnostics.add(Detections(np.reshape(xyxy, (-1, 4)), score))
    return diagnostics.lines(new_track_score)


def test_plausible_detections_give_no_note():
    assert lines_of([([INSIDE], [0.6]), ([], []), ([INSIDE, INSIDE], [0.1, 0.9])]) == []
    assert lines_of([]) == []


def test_frames_without_detections_are_reported_from_95_percent_on():
    assert lines_of([([], [])] * 3) == ["no detections in 3 of 3 frames"]
    assert lines_of([([], [])] * 19 + [([INSIDE], [0.9])]) == ["no detections in 19 of 20 frames"]
    assert lines_of([([], [])] * 18 + [([INSIDE], [0.9])] * 2) == []


def test_scores_too_low_for_a_new_track_are_reported_with_the_highest():
    frames = [([INSIDE], [0.25]), ([INSIDE, INSIDE], [0.1, 0.5])]
    expected = "the highest score is 0.5, below new_track_score 0.6: no track can be created"
    assert lines_of(frames) == [expected]
    assert lines_of(frames, new_track_score=0.5) == []
    assert lines_of(frames, new_track_score=-np.inf) == []


@pytest.mark.parametrize(
    ("box", "outside"),
    [
        ([160, 10, 180, 60], True),
        ([10, 120, 30, 160], True),
        ([-30, 10, 0, 60], True),
        ([10, -30, 30, 0], True),
        ([159, 119, 200, 200], False),
        ([-30, -30, 1, 1], False),
    ],
)
def test_box_is_outside_when_it_shares_no_pixel_with_the_frame(box, outside):
    expected = f"1 of 2 {OUTSIDE}"
    assert lines_of([([INSIDE, box], [0.9, 0.9])]) == [expected] * outside


def test_single_box_outside_among_many_is_not_reported():
    frame = ([INSIDE] * 100, [0.9] * 100)
    assert lines_of([frame, ([INSIDE, [500, 10, 520, 60]], [0.9, 0.9])]) == []


def write(path, *rows):
    path.write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")
    return ("--detections", str(path))


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([], ["no detections in 8 of 8 frames"]),
        (
            [f"{k},-1,10,10,20,50,0.3" for k in range(1, 9)],
            ["the highest score is 0.3, below new_track_score 0.6: no track can be created"],
        ),
        (
            [f"{k},-1,900,500,60,150,0.9" for k in range(1, 9)],
            [f"8 of 8 {OUTSIDE}"],
        ),
    ],
)
def test_run_without_tracks_prints_the_reason_on_stderr(
    rows, expected, run_track, tmp_path, capsys
):
    detector = write(tmp_path / "det.txt", *rows)
    assert run_track("--no-video", detector=detector) == 0
    printed = capsys.readouterr().err.splitlines()
    assert printed == [f"deepsort-reid track: note: {line}" for line in expected]
    assert run_track("--no-video", "--quiet", detector=detector) == 0
    assert capsys.readouterr() == ("", "")


def test_run_with_tracks_prints_no_note(run_track, capsys):
    assert run_track("--no-video") == 0
    assert capsys.readouterr().err == ""


def write_street(folder, *, camera_pan):
    """Frames of the rendered street as images."""
    street = Street(
        seed=1, people=4, frames=60, width=320, height=180, frame_rate=12, camera_pan=camera_pan
    )
    folder.mkdir()
    for number, frame, _ in street:
        cv2.imwrite(str(folder / f"{number:06d}.png"), frame)
    return folder


@pytest.mark.parametrize("camera_pan", [True, False])
def test_background_subtraction_with_a_moving_camera_is_reported(camera_pan, tmp_path, capsys):
    folder = write_street(tmp_path / "street", camera_pan=camera_pan)
    options = ["--embedder", "none", "--no-video", "--out", str(tmp_path / "tracks")]
    assert main(["track", str(folder), *options]) == 0
    printed = capsys.readouterr().err
    if camera_pan:
        (line,) = printed.splitlines()
        assert "the view moves in" in line
        assert "background subtraction needs a static camera: " in line
        assert line.endswith("use --detector yolox_tiny or another detector network")
    else:
        assert "view" not in printed


def test_moving_view_is_not_reported_with_another_detector_or_long_lives():
    rng = np.random.default_rng(0)
    wide = rng.integers(0, 255, (90, 400, 3), dtype=np.uint8)
    wide = cv2.GaussianBlur(wide, None, 2)
    for static_camera, ids, expected in ((True, 30, 1), (True, 1, 0), (False, 30, 0)):
        diagnostics = Diagnostics((160, 90), static_camera=static_camera)
        tracker = DeepSort(DeepSortConfig(n_init=1))
        for number in range(30):
            left = 1000.0 * (number if ids > 1 else 0)
            detections = Detections([[left, 10, left + 20, 60]], [0.9])
            view = wide[:, 4 * number : 4 * number + 160]
            diagnostics.add(Detections([INSIDE], [0.9]), tracker.update(detections), view)
        assert diagnostics.highest_id == ids
        assert len(diagnostics.lines(0.6)) == expected


def test_new_track_score_of_the_configuration_is_used(video, tmp_path, out, capsys):
    config = tmp_path / "tracker.json"
    config.write_text('{"new_track_score": 0.95}', encoding="utf-8")
    file = synthetic_video.write_detections(tmp_path / "det.txt", synthetic_video.FRAMES)
    options = ["--embedder", "none", "--no-video", "--out", str(out), "--config", str(config)]
    assert main(["track", str(video), "--detections", str(file), *options]) == 0
    assert "the highest score is 0.9, below new_track_score 0.95" in capsys.readouterr().err
