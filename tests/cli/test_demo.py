"""`demo` on a few frames of a rendered street."""

import json

import pytest

from deepsort_reid import metrics
from deepsort_reid.cli.main import main
from deepsort_reid.io.mot import read_ground_truth, read_results
from deepsort_reid.scene import Street
from tests.cli import synthetic_video

FRAMES = 30


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """Output folder of a short demo."""
    out = tmp_path_factory.mktemp("demo") / "street"
    options = ["--frames", str(FRAMES), "--people", "4", "--seed", "0", "--quiet"]
    assert main(["demo", "--out", str(out), "--embedder", "none", *options]) == 0
    return out


@pytest.fixture(scope="module")
def summary(demo):
    def refuse(word):
        raise AssertionError(f"summary.json holds {word}")

    text = (demo / "summary.json").read_text(encoding="utf-8")
    return json.loads(text, parse_constant=refuse)


def test_demo_writes_video_tracks_truth_and_summary(demo, summary):
    names = ["index.html", "people.csv", "summary.json", "tracks.txt", "truth.txt", "video.mp4"]
    assert sorted(path.name for path in demo.iterdir()) == names
    assert synthetic_video.decode_video(demo / "video.mp4") == (FRAMES, Street().size)
    rows = read_results(demo / "tracks.txt")
    assert summary["frames"] == FRAMES
    assert summary["boxes"] == len(rows) > 0
    assert summary["identities"] == len(set(rows.id.tolist()))
    assert summary["source"] == "rendered street, seed 0"


def test_summary_scores_equal_evaluate(demo, summary):
    truth, tracks = read_ground_truth(demo / "truth.txt"), read_results(demo / "tracks.txt")
    scores = metrics.evaluate(truth, tracks, frames=FRAMES)
    assert summary["hota"] == round(100 * scores.hota.hota.mean(), 1)
    assert summary["mota"] == round(100 * scores.clear.mota, 1)
    assert summary["idf1"] == round(100 * scores.identity.idf1, 1)
    assert summary["id_switches"] == scores.clear.switches
    assert summary["true_identities"] == len(set(truth.id.tolist()))
    assert summary["hota"] > 0


def test_evaluate_command_on_the_files_prints_the_same_scores(demo, summary, capsys):
    assert main(["evaluate", str(demo / "truth.txt"), str(demo / "tracks.txt")]) == 0
    head, row = capsys.readouterr().out.splitlines()[1:3]
    shown = dict(zip(head.split(), map(float, row.split()[1:]), strict=True))
    assert shown["HOTA"] == summary["hota"]
    assert shown["MOTA"] == summary["mota"]
    assert shown["IDF1"] == summary["idf1"]


def test_ground_truth_holds_the_visible_pedestrians(demo):
    street = Street(seed=0, frames=FRAMES, people=4)
    truth = read_ground_truth(demo / "truth.txt")
    visible = street.truth[street.truth.visibility >= 0.1]
    assert truth.frame.tolist() == visible.frame.tolist()
    assert truth.id.tolist() == visible.id.tolist()
    assert (truth.xyxy[:, :2] >= 0).all()
    assert (truth.xyxy[:, 2:] <= street.size).all()


def test_summary_has_the_time_of_every_stage_with_rendering(summary):
    stages = summary["milliseconds_per_frame"]
    assert set(stages) == {"render", "detect", "camera", "track", "page", "write", "draw"}
    total = sum(stages.values())
    assert summary["frames_per_second"] == pytest.approx(1000 / total, rel=0.05)


def test_tracks_are_reproducible_by_seed(demo, tmp_path, capsys):
    def tracks(*options):
        out = tmp_path / "again"
        options = ["--people", "4", "--embedder", "none", "--no-video", "--quiet", *options]
        assert main(["demo", "--out", str(out), "--frames", "8", *options]) == 0
        assert not (out / "video.mp4").exists()
        return (out / "truth.txt").read_text(), (out / "tracks.txt").read_text()

    assert tracks() == tracks()
    assert tracks("--seed", "100")[0] != tracks()[0]
    printed = capsys.readouterr().out
    assert "HOTA" in printed
    names = "index.html, people.csv, summary.json, tracks.txt, truth.txt"
    assert f"written to {tmp_path / 'again'}: {names}" in printed


def test_demo_without_detections_has_finite_scores(tmp_path, monkeypatch):
    from deepsort_reid import Detections

    monkeypatch.setattr(
        "deepsort_reid.vision.detectors.BackgroundSubtraction",
        lambda: lambda frame: Detections.empty(),
    )
    options = ["--frames", "2", "--people", "2", "--embedder", "none", "--no-video", "--quiet"]
    assert main(["demo", "--out", str(tmp_path), *options]) == 0
    summary = json.loads((tmp_path / "summary.json").read_text(), parse_constant=pytest.fail)
    assert (summary["boxes"], summary["hota"], summary["mota"], summary["idf1"]) == (0, 0, 0, 0)


def test_tracked_and_true_identities_are_printed_separately(tmp_path, capsys):
    options = ["--frames", "30", "--people", "4", "--seed", "0", "--embedder", "none", "--no-video"]
    assert main(["demo", "--out", str(tmp_path), *options, "--quiet"]) == 0
    tracked = len(set(read_results(tmp_path / "tracks.txt").id.tolist()))
    true = len(set(read_ground_truth(tmp_path / "truth.txt").id.tolist()))
    assert tracked != true, "equal numbers cannot be told apart in the output"
    assert f"identities {tracked} tracked, {true} true\n" in capsys.readouterr().out


def test_ctrl_c_leaves_tracks_and_video_complete(tmp_path, monkeypatch, capsys):
    (tmp_path / "summary.json").write_text('{"status": "of an earlier demo", "files": []}')
    detector = synthetic_video.TrueBoxDetector(fails_at=5, failure=KeyboardInterrupt())
    monkeypatch.setattr("deepsort_reid.vision.detectors.BackgroundSubtraction", lambda: detector)
    options = ["--frames", "9", "--people", "2", "--embedder", "none", "--quiet"]
    assert main(["demo", "--out", str(tmp_path), *options]) == 130
    assert capsys.readouterr().err == "deepsort-reid demo: stopped\n"
    assert read_results(tmp_path / "tracks.txt").frame.tolist() == [3, 3, 4, 4]
    assert synthetic_video.decode_video(tmp_path / "video.mp4")[0] == 4
    summary = synthetic_video.read_strict_json(tmp_path / "summary.json")
    assert (summary["status"], summary["frames"]) == ("interrupted", 4)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--frames", "0"], "frames"),
        (["--people", "-1"], "people"),
        (["--embedder", "no-such.onnx"], "no-such.onnx: no such ONNX file"),
        (["--frames", "many"], "argument --frames: invalid int value: 'many'"),
    ],
)
def test_invalid_options_are_one_line(options, message, tmp_path, capsys):
    assert main(["demo", "--out", str(tmp_path / "out"), "--quiet", *options]) == 2
    error = capsys.readouterr().err
    assert error.startswith("deepsort-reid demo: ")
    assert message in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_output_folder_that_is_a_file_is_one_line(tmp_path, capsys):
    (tmp_path / "out").write_text("mine")
    options = ["--frames", "2", "--embedder", "none", "--quiet"]
    assert main(["demo", "--out", str(tmp_path / "out"), *options]) == 2
    error = capsys.readouterr().err
    assert str(tmp_path / "out") in error
    assert error.count("\n") == 1
