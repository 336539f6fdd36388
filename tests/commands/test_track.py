"""`track` from arguments to files, however the run ends."""

import csv
import json
import math
import subprocess
import sys
from argparse import Namespace

import cv2
import numpy as np
import pytest

from deepsort_reid import DeepSort, DeepSortConfig, boxes
from deepsort_reid.cli import main
from deepsort_reid.commands import track as command
from deepsort_reid.commands.detection_cache import read_detections_file
from deepsort_reid.commands.run_folder import RunFolder
from deepsort_reid.mot import read_detections, read_ground_truth, read_results
from tests.commands import walkers

FRAMES = 8  # six of them with ids: a track is confirmed in its third frame


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    return walkers.write_video(tmp_path_factory.mktemp("video") / "street.avi", FRAMES)


@pytest.fixture(scope="module")
def detections(tmp_path_factory):
    return walkers.write_detections(tmp_path_factory.mktemp("det") / "det.txt", FRAMES)


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


@pytest.fixture
def tracked(video, detections, out):
    """Run `track` on the street with exact detections and no embedder; gives its status."""

    def run(*options, source=video, detector=("--detections", str(detections))):
        options = [*detector, "--embedder", "none", "--out", str(out), *options]
        return main(["track", str(source), *options])

    return run


@pytest.fixture
def seer(monkeypatch):
    """Let `track` detect with somebody who knows, or who fails at a given frame."""

    def put(**options):
        made = walkers.Seer(**options)
        monkeypatch.setattr(command, "make_detector", lambda args, note: (made, "seer"))
        return made

    return put


def strict(path):
    """JSON as every reader takes it: no NaN, no Infinity."""

    def refuse(word):
        raise AssertionError(f"{path} holds {word}")

    return json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)


def one_line(capsys):
    error = capsys.readouterr().err
    assert error.startswith("deepsort-reid track: "), error
    assert error.count("\n") == 1, error
    return error


def test_two_people_in_eight_frames_are_twelve_boxes_under_two_ids(tracked, out, capsys):
    assert tracked() == 0
    rows = read_results(out / "tracks.txt")
    assert rows.frame.tolist() == np.repeat(range(3, FRAMES + 1), 2).tolist()
    assert set(rows.id.tolist()) == {1, 2}
    for frame in range(3, FRAMES + 1):
        np.testing.assert_allclose(
            np.sort(rows.xyxy[rows.frame == frame], axis=0),
            np.sort(walkers.places(frame), axis=0),
            atol=1e-6,
        )
    assert walkers.decoded(out / "video.mp4") == (FRAMES, (walkers.WIDTH, walkers.HEIGHT))
    assert "8 frames, 2 people, 12 boxes" in capsys.readouterr().out
    assert sorted(p.name for p in out.iterdir()) == ["summary.json", "tracks.txt", "video.mp4"]


def test_the_summary_is_strict_json_and_tells_what_was_run(tracked, out, video, detections):
    assert tracked() == 0
    summary = strict(out / "summary.json")
    assert (summary["frames"], summary["people"], summary["boxes"]) == (FRAMES, 2, 12)
    assert (summary["status"], summary["embedder"]) == ("complete", "none")
    assert (summary["source"], summary["detector"]) == (str(video), str(detections))
    assert DeepSortConfig.from_dict(summary["config"]) == DeepSortConfig()
    assert summary["versions"]["numpy"] == np.__version__
    assert summary["frames_per_second"] > 0
    assert set(summary["milliseconds_per_frame"]) == {
        "read", "detect", "embed", "track", "write", "draw",
    }  # fmt: skip


def test_infinite_limits_and_unknown_numbers_are_still_strict_json(tmp_path):
    folder = RunFolder(tmp_path, draw=False)
    folder.write_summary({"config": {"low": -math.inf, "high": math.inf}, "mota": math.nan})
    summary = strict(tmp_path / "summary.json")
    assert summary["config"] == {"low": "-inf", "high": "inf"}
    assert summary["mota"] is None


def test_csv_and_json_lines_say_the_same_as_mot(tracked, out):
    assert tracked("--no-video") == 0
    assert tracked("--no-video", "--format", "csv") == 0
    assert tracked("--no-video", "--format", "jsonl") == 0
    mot = read_results(out / "tracks.txt")
    table = list(csv.DictReader((out / "tracks.csv").read_text(encoding="utf-8").splitlines()))
    assert [int(row["frame"]) for row in table] == mot.frame.tolist()
    assert [int(row["id"]) for row in table] == mot.id.tolist()
    sides = [[float(row[side]) for side in ("left", "top", "right", "bottom")] for row in table]
    np.testing.assert_allclose(sides, mot.xyxy, atol=0.01)
    lines = [json.loads(line) for line in (out / "tracks.jsonl").read_text().splitlines()]
    assert [line["frame"] for line in lines] == list(range(1, FRAMES + 1))
    boxes_of = [(line["frame"], each["id"]) for line in lines for each in line["tracks"]]
    assert boxes_of == list(zip(mot.frame.tolist(), mot.id.tolist(), strict=True))
    np.testing.assert_allclose(
        [each["xyxy"] for line in lines for each in line["tracks"]], mot.xyxy, atol=0.01
    )
    assert not (out / "video.mp4").exists()


def test_every_second_frame_keeps_numbers_boxes_and_the_pace_of_the_video(tracked, out):
    assert tracked("--every", "2", "--start", "2", "--stop", "8") == 0
    rows = read_results(out / "tracks.txt")
    # Frames 2, 4, 6, 8: the third of them is the first with ids.
    assert rows.frame.tolist() == [6, 6, 8, 8]
    np.testing.assert_allclose(
        np.sort(rows.xyxy[rows.frame == 8], axis=0), np.sort(walkers.places(8), axis=0), atol=1e-6
    )
    assert walkers.decoded(out / "video.mp4")[0] == 4
    capture = cv2.VideoCapture(str(out / "video.mp4"))
    assert capture.get(cv2.CAP_PROP_FPS) == pytest.approx(10 / 2)
    capture.release()


@pytest.mark.parametrize("option", ["--detections", "--detector"])
def test_a_detection_file_belongs_to_the_frames_however_it_is_named(
    option, tracked, out, detections
):
    assert tracked("--start", "4", "--no-video", detector=(option, str(detections))) == 0
    rows = read_results(out / "tracks.txt")
    assert rows.frame.min() == 6
    here = rows.xyxy[rows.frame == 6]
    np.testing.assert_allclose(np.sort(here, axis=0), np.sort(walkers.places(6), axis=0), atol=1e-6)


def test_detector_camera_and_clock_go_by_the_same_frames(video, detections, out, monkeypatch):
    # The camera moves 5 pixels to the right in every frame, as the file tells.
    warps = out.parent / "warps.txt"
    warps.write_text("".join(f"{k} 1 0 {-5 * (k > 1)} 0 1 0\n" for k in range(1, FRAMES + 1)))
    seen, update = [], DeepSort.update

    def spy(self, found, *, frame=None, camera=None, dt=1.0):
        seen.append((found.xyxy[:, 0].tolist(), None if camera is None else camera[0, 2], dt))
        return update(self, found, frame=frame, camera=camera, dt=dt)

    monkeypatch.setattr(DeepSort, "update", spy)
    options = ["--every", "3", "--start", "2", "--no-video", "--camera-motion", str(warps)]
    files = ["--detections", str(detections), "--embedder", "none", "--out", str(out)]
    assert main(["track", str(video), *options, *files]) == 0
    expected = [walkers.places(number)[:, 0].tolist() for number in (2, 5, 8)]
    assert [left for left, _, _ in seen] == expected
    assert [dt for _, _, dt in seen] == [3, 3, 3]
    assert [shift for _, shift, _ in seen] == [0, -15, -15]


def test_min_score_leaves_out_what_is_below(video, tmp_path, tracked, out):
    file = tmp_path / "unsure" / "det.txt"
    file.parent.mkdir()
    lines = []
    for number in range(1, FRAMES + 1):
        for score, (x, y, w, h) in zip(
            (0.9, 0.7), boxes.xyxy_to_tlwh(walkers.places(number)), strict=True
        ):
            lines.append(f"{number},-1,{x},{y},{w},{h},{score},-1,-1,-1\n")
    file.write_text("".join(lines))
    assert tracked("--min-score", "0.8", "--no-video", detector=("--detections", str(file))) == 0
    assert set(read_results(out / "tracks.txt").id.tolist()) == {1}


def test_the_configuration_of_a_file_is_the_trackers(tracked, out, tmp_path):
    config = tmp_path / "early.json"
    config.write_text('{"confirm_after": 1}')
    assert tracked("--config", str(config), "--no-video") == 0
    assert len(read_results(out / "tracks.txt")) == 2 * FRAMES
    assert strict(out / "summary.json")["config"]["confirm_after"] == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"confirm_afterr": 1}', "DeepSortConfig has no field 'confirm_afterr'"),
        (b'{\n"confirm_after": 1,\n}', ":3: expected JSON"),
        (b'{"confirm_after": "one"}', "confirm_after must be a whole number, at least 1"),
        (b'{"steady": 1}', "steady must be true or false, got 1"),
        (b'{"min_score": NaN}', "min_score must be a number"),
        (b"[1, 2]", "expected a JSON object, got list"),
        (b"", ":1: expected JSON"),
        (b'{"steady": "\xff"}', "expected JSON in UTF-8"),
    ],
)
def test_a_wrong_configuration_is_one_line_with_its_file(
    content, message, tracked, out, tmp_path, capsys
):
    config = tmp_path / "wrong.json"
    config.write_bytes(content)
    assert tracked("--config", str(config)) == 2
    error = one_line(capsys)
    assert message in error
    assert str(config) in error
    assert not out.exists()


def test_saved_detections_and_embeddings_are_those_that_were_tracked(tracked, out, tmp_path):
    model = walkers.write_embedder(tmp_path / "colour.onnx")
    assert tracked("--save-detections", "--no-video", "--embedder", str(model)) == 0
    text = read_detections(out / "detections.txt")
    assert text.frame.tolist() == np.repeat(range(1, FRAMES + 1), 2).tolist()
    np.testing.assert_allclose(text.xyxy, walkers.rows(FRAMES).xyxy)
    np.testing.assert_allclose(text.score, 0.9)
    saved = read_detections_file(out / "detections.npz", FRAMES)
    assert len(saved.frames) == FRAMES
    for number, found in enumerate(saved.frames, start=1):
        np.testing.assert_allclose(found.xyxy, walkers.places(number))
        # The red and the blue person, as RGB; compression of the video blurs the colours.
        np.testing.assert_allclose(found.embedding, [[1, 0, 0], [0, 0, 1]], atol=0.3)
        assert found.embedding[0, 0] > 0.9
        assert found.embedding[1, 2] > 0.9
    assert strict(out / "summary.json")["embedder"] == str(model)


def test_without_embedder_the_detections_are_saved_as_text_alone(tracked, out):
    assert tracked("--save-detections", "--no-video") == 0
    assert len(read_detections(out / "detections.txt")) == 2 * FRAMES
    assert not (out / "detections.npz").exists()


def test_saved_detections_tracked_again_give_the_same_tracks(tracked, out):
    assert tracked("--save-detections", "--no-video") == 0
    before = (out / "tracks.txt").read_bytes()
    saved = ("--detections", str(out / "detections.txt"))
    assert tracked("--no-video", detector=saved) == 0
    assert (out / "tracks.txt").read_bytes() == before


def test_quiet_says_nothing_and_otherwise_a_note_tells_the_detector(tracked, capsys):
    assert tracked("--quiet", "--no-video", "--stop", "3", detector=()) == 0
    assert capsys.readouterr() == ("", "")
    assert tracked("--no-video", "--stop", "3", detector=()) == 0
    assert "no detector named: using background subtraction" in capsys.readouterr().out


def test_a_sequence_folder_is_tracked_with_its_own_detections(tmp_path, out, capsys):
    folder = walkers.write_sequence(tmp_path / "SEQ-01", FRAMES, images=True)
    options = ["--embedder", "none", "--no-video", "--out", str(out)]
    assert main(["track", str(folder), *options, "--start", "3"]) == 0
    assert str(folder / "det" / "det.txt") in capsys.readouterr().out
    rows = read_results(out / "tracks.txt")
    assert rows.frame.min() == 5
    np.testing.assert_allclose(
        np.sort(rows.xyxy[rows.frame == 5], axis=0), np.sort(walkers.places(5), axis=0), atol=1e-6
    )


def test_without_out_the_folder_is_named_after_the_source(video, detections, tmp_path, monkeypatch):
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
        ("http://host/live?user=a&key=b", "live-user-a-key-b"),
        (".", "video"),
        ("/", "video"),
    ],
)
def test_results_are_named_after_cameras_files_folders_and_streams(source, name):
    assert command._name_of(source) == name


# --- how a run can end -------------------------------------------------------------------------


def cut_in_half(tmp_path):
    """A video of noise of which the second half of the bytes is missing."""
    rng = np.random.default_rng(0)
    path = tmp_path / "whole.avi"
    with walkers.VideoWriter(path, 10, (64, 48)) as writer:
        for _ in range(40):
            writer.write(rng.integers(0, 256, (48, 64, 3), dtype=np.uint8))
    cut = tmp_path / "cut.avi"
    cut.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return cut


def test_a_cut_off_video_is_one_line_and_what_was_read_is_saved(tracked, out, tmp_path, capfd):
    assert tracked("--quiet", source=cut_in_half(tmp_path)) == 2
    error = capfd.readouterr().err.splitlines()[-1]
    assert error.startswith("deepsort-reid track: ")
    assert "cut off or damaged" in error
    assert f"what was tracked until then is in {out}" in error
    summary = strict(out / "summary.json")
    assert "cut off or damaged" in summary["status"]
    assert 5 < summary["frames"] < 35
    assert walkers.decoded(out / "video.mp4") == (summary["frames"], (64, 48))
    assert len(read_results(out / "tracks.txt")) == summary["boxes"] > 0


def test_a_broken_image_is_one_line_and_the_images_before_are_tracked(
    tracked, out, tmp_path, capsys
):
    folder = walkers.write_images(tmp_path / "images", FRAMES)
    (folder / "000006.png").write_bytes(b"not an image")
    assert tracked("--quiet", source=folder) == 2
    assert "000006.png: expected an image" in one_line(capsys)
    assert read_results(out / "tracks.txt").frame.tolist() == [3, 3, 4, 4, 5, 5]
    assert walkers.decoded(out / "video.mp4")[0] == 5


def test_ctrl_c_leaves_tracks_video_detections_and_summary_complete(
    seer, video, out, capsys, tmp_path
):
    seer(fails_at=6, failure=KeyboardInterrupt())
    options = ["--embedder", "none", "--out", str(out), "--quiet", "--save-detections"]
    assert main(["track", str(video), *options]) == 130
    assert capsys.readouterr().err == "deepsort-reid track: stopped\n"
    assert read_results(out / "tracks.txt").frame.tolist() == [3, 3, 4, 4, 5, 5]
    assert walkers.decoded(out / "video.mp4")[0] == 5
    assert len(read_detections(out / "detections.txt")) == 10
    summary = strict(out / "summary.json")
    assert (summary["status"], summary["frames"]) == ("interrupted", 5)


def test_a_detector_that_fails_does_not_pass_for_a_complete_run(seer, video, out, capsys):
    seer(fails_at=4, failure=ValueError("the network is gone"))
    assert main(["track", str(video), "--embedder", "none", "--out", str(out), "--quiet"]) == 2
    assert one_line(capsys) == "deepsort-reid track: the network is gone\n"
    assert strict(out / "summary.json")["status"] == "failed"
    assert read_results(out / "tracks.txt").frame.tolist() == [3, 3]
    assert walkers.decoded(out / "video.mp4")[0] == 3


def test_tracks_are_on_disk_while_the_run_goes_on(monkeypatch, video, out):
    seen = []

    class Looks(walkers.Seer):
        def __call__(self, picture):
            if self.calls:
                seen.append((out / "tracks.txt").read_text().count("\n"))
            return super().__call__(picture)

    monkeypatch.setattr(command, "make_detector", lambda args, note: (Looks(), "looks"))
    options = ["--embedder", "none", "--out", str(out), "--quiet", "--no-video"]
    assert main(["track", str(video), *options]) == 0
    assert seen == [0, 0, 2, 4, 6, 8, 10]


def test_results_of_an_earlier_run_survive_one_that_fails_before_its_first_frame(
    tracked, seer, video, out, capsys
):
    assert tracked("--save-detections") == 0
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    seer(fails_at=1, failure=ValueError("no"))
    assert main(["track", str(video), "--embedder", "none", "--out", str(out)]) == 2
    seer(fails_at=1, failure=KeyboardInterrupt())
    assert main(["track", str(video), "--embedder", "none", "--out", str(out)]) == 130
    assert main(["track", str(video.parent / "no.avi"), "--out", str(out)]) == 2
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--every", "0"], "every: expected at least 1, got 0"),
        (["--start", "0"], "start: expected a frame number from 1, got 0"),
        (["--start", "5", "--stop", "4"], "stop: expected a frame number from start = 5 on"),
        (["--start", "9"], "start is frame 9, but it has 8"),
        (["--min-score", "30"], "--min-score: expected a number from 0 to 1, got 30.0"),
        (["--min-score", "nan"], "--min-score: expected a number from 0 to 1, got nan"),
        (["--detector", "background"], "--detections and --detector: expected one of them"),
        (["--camera-motion", "no-such-file"], "no-such-file"),
        (["--embedder", "no-such.onnx"], "no-such.onnx: no such ONNX file"),
        (["--config", "no-such.json"], "no-such.json: No such file"),
        (["--format", "xml"], "invalid choice: 'xml'"),
        (["--every", "two"], "argument --every: invalid int value: 'two'"),
    ],
)
def test_impossible_wishes_are_one_line_and_leave_no_folder(options, message, tracked, out, capsys):
    assert tracked(*options) == 2
    assert message in one_line(capsys)
    assert not out.exists()


@pytest.mark.parametrize("place", ["out", "out/below"])
def test_a_file_in_the_place_of_the_folder_is_said_before_any_frame_is_tracked(
    place, seer, video, tmp_path, capsys
):
    (tmp_path / "out").write_text("mine")
    asked = seer()
    assert main(["track", str(video), "--embedder", "none", "--out", str(tmp_path / place)]) == 2
    assert str(tmp_path / "out") in one_line(capsys)
    assert asked.calls == 0
    assert (tmp_path / "out").read_text() == "mine"


def test_sources_that_are_no_video_are_one_line(tracked, tmp_path, out, capfd):
    sources = {"missing.mp4": "no such video", "empty.mp4": "empty file", "text.mp4": "a video"}
    sources |= {"folder": "expected images"}
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "text.mp4").write_text("frame,id\n" * 99)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "notes.txt").write_text("no image")
    for name, message in sources.items():
        assert tracked(source=tmp_path / name) == 2
        error = capfd.readouterr().err
        assert error.count("\n") == 1, error
        assert message in error
        assert name in error
    assert not out.exists()


def test_a_bad_row_of_a_detection_file_is_told_with_file_line_and_content(
    tracked, tmp_path, out, capsys
):
    file = tmp_path / "det.txt"
    file.write_text("1,-1,10,10,20,50,0.9,-1,-1,-1\n2,-1,ten,10,20,50,0.9,-1,-1,-1\n")
    assert tracked(detector=("--detections", str(file))) == 2
    error = one_line(capsys)
    assert f"{file}:2" in error
    assert "ten" in error
    assert not out.exists()


def test_weights_without_the_name_of_their_model_are_refused(tracked, capsys):
    assert tracked(detector=("--detector-weights", "w.pt")) == 2
    assert "--detector-weights needs --detector" in one_line(capsys)


def test_show_without_a_display_is_one_line(tracked, monkeypatch, out, capsys):
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert tracked("--show") == 2
    assert one_line(capsys) == (
        "deepsort-reid track: --show needs a display, and there is none; leave it out\n"
    )
    assert not out.exists()


def test_q_in_the_window_ends_the_run_with_everything_saved(tracked, monkeypatch, out):
    shown = []
    monkeypatch.setattr(command, "_require_display", lambda: None)
    monkeypatch.setattr(command, "_show", lambda picture: shown.append(picture) or len(shown) < 5)
    assert tracked("--show", "--no-video") == 0
    assert [picture.shape for picture in shown] == [(walkers.HEIGHT, walkers.WIDTH, 3)] * 5
    assert read_results(out / "tracks.txt").frame.max() == 5
    assert strict(out / "summary.json")["frames"] == 5


def test_as_a_process_a_cut_off_video_is_one_line_without_ffmpegs_own(tmp_path, detections, out):
    options = ["--detections", detections, "--embedder", "none", "--out", out]
    line = [sys.executable, "-m", "deepsort_reid", "track", cut_in_half(tmp_path), *options]
    ended = subprocess.run(list(map(str, line)), capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert ended.stderr.startswith("deepsort-reid track: "), ended.stderr
    assert ended.stderr.count("\n") == 1, ended.stderr


def test_the_progress_bar_knows_how_many_frames_are_ahead():
    def ahead(length, start=1, stop=None, every=1):
        return command._frames_ahead(length, Namespace(start=start, stop=stop, every=every))

    assert ahead(8) == 8
    assert ahead(8, start=2, stop=7, every=2) == 3
    assert ahead(8, stop=99) == 8
    assert ahead(None) is None
    assert ahead(None, stop=5) == 5


@pytest.mark.data
def test_tud_campus_is_tracked_and_scored_from_its_public_detections(data_root, out):
    folder = data_root / "mot" / "TUD-Campus"
    options = ["--embedder", "none", "--out", str(out), "--quiet"]
    assert main(["track", str(folder), *options]) == 0
    from deepsort_reid.metrics import evaluate

    rows = read_results(out / "tracks.txt")
    frames = strict(out / "summary.json")["frames"]
    assert frames == 71
    size = walkers.decoded(out / "video.mp4")
    assert size == (71, (640, 480))
    scores = evaluate(read_ground_truth(folder / "gt" / "gt.txt"), rows, frames=frames)
    assert scores.identity.idf1 > 0.4
    assert scores.clear.mota > 0.4
