"""`track` on a folder of sequences: one result file per sequence, named for submission."""

import json

import pytest

from deepsort_reid.cli.main import main
from deepsort_reid.io.mot import read_results
from tests.cli import synthetic_video

FRAMES = synthetic_video.SEQUENCE_LENGTH


@pytest.fixture
def unlabelled(tmp_path):
    """Three sequences with images and detections, without ground truth."""
    folder = tmp_path / "MOT17" / "test"
    for name in ("MOT17-01", "MOT17-02", "OTHER"):
        sequence = synthetic_video.write_sequence(folder / name, FRAMES, images=True)
        (sequence / "gt" / "gt.txt").unlink()
    return folder


@pytest.fixture
def run_folder(out):
    def run(folder, *options):
        arguments = ["--embedder", "none", "--no-video", "--quiet", "--out", str(out)]
        return main(["track", str(folder), *arguments, *map(str, options)])

    return run


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_every_sequence_has_a_result_file_of_its_name(run_folder, unlabelled, out):
    assert run_folder(unlabelled) == 0
    assert names(out) == ["MOT17-01.txt", "MOT17-02.txt", "OTHER.txt", "runs"]
    assert names(out / "runs") == ["MOT17-01", "MOT17-02", "OTHER"]
    for name in ("MOT17-01", "MOT17-02", "OTHER"):
        assert len(read_results(out / f"{name}.txt")) == 2 * (FRAMES - 2)
        assert (out / f"{name}.txt").read_bytes() == (
            out / "runs" / name / "tracks.txt"
        ).read_bytes()
        summary = json.loads((out / "runs" / name / "summary.json").read_text(encoding="utf-8"))
        assert summary["status"] == "complete"


def test_results_are_those_that_evaluate_and_compare_read(
    run_folder, tmp_path, out, sequences, image_sequences, capsys
):
    assert run_folder(image_sequences, "--out", tmp_path / "trackers" / "ours") == 0
    assert run_folder(image_sequences, "--lag", "3", "--out", tmp_path / "trackers" / "slow") == 0
    assert main(["evaluate", str(image_sequences), str(tmp_path / "trackers" / "ours")]) == 0
    assert "SEQ-03" in capsys.readouterr().out
    compared = [str(image_sequences), str(tmp_path / "trackers"), "--resamples", "20"]
    assert main(["compare", *compared]) == 0
    assert "slow minus " in capsys.readouterr().out


def test_persons_of_the_runs_are_scored(run_folder, image_sequences, out, capsys):
    assert run_folder(image_sequences) == 0
    assert main(["evaluate", str(image_sequences), str(out / "runs"), "--ids", "person"]) == 0
    assert "SEQ-03" in capsys.readouterr().out


def test_only_and_seqmap_select_sequences(run_folder, unlabelled, tmp_path, out, capsys):
    assert run_folder(unlabelled, "--only", "MOT17") == 0
    assert names(out) == ["MOT17-01.txt", "MOT17-02.txt", "runs"]
    seqmap = tmp_path / "map.txt"
    seqmap.write_text("name\nOTHER\n")
    assert run_folder(unlabelled, "--seqmap", seqmap) == 0
    assert "OTHER.txt" in names(out)
    for options, message in (
        (["--only", "MOT20"], "--only: no sequence 'MOT20'; there are MOT17-01, MOT17-02, OTHER"),
        (["--seqmap", tmp_path / "none.txt"], "none.txt: No such file"),
    ):
        assert run_folder(unlabelled, *options) == 2
        assert message in synthetic_video.read_error_line(capsys)


def test_sequence_without_detections_does_not_stop_the_rest(run_folder, unlabelled, out, capsys):
    (unlabelled / "MOT17-01" / "det" / "det.txt").unlink()
    assert run_folder(unlabelled) == 2
    error = synthetic_video.read_error_line(capsys)
    assert "MOT17-01: no detections (det/det.txt); give --detector" in error
    assert error.endswith(f"; the other sequences are in {out}\n")
    assert names(out) == ["MOT17-02.txt", "OTHER.txt", "runs"]


def test_without_any_detections_the_detector_is_asked_for(run_folder, unlabelled, out, capsys):
    for sequence in unlabelled.iterdir():
        (sequence / "det" / "det.txt").unlink()
    assert run_folder(unlabelled) == 2
    assert "its sequences have no detections" in synthetic_video.read_error_line(capsys)
    assert not out.exists()
    assert run_folder(unlabelled, "--detector", "background") == 0
    assert "MOT17-01.txt" in names(out)


def test_detections_of_a_folder_are_used_by_name(run_folder, unlabelled, tmp_path, out, capsys):
    saved = tmp_path / "saved"
    for name in ("MOT17-01", "MOT17-02"):
        synthetic_video.write_detections(saved / f"{name}.txt", 5)
    assert run_folder(unlabelled, "--detections", saved) == 2
    assert "OTHER.npz: no such file, nor OTHER.txt beside it" in synthetic_video.read_error_line(
        capsys
    )
    assert read_results(out / "MOT17-01.txt").frame.max() == 5


def test_truncated_sequence_has_no_result_file_but_its_run(run_folder, unlabelled, out, capsys):
    broken = unlabelled / "MOT17-02" / "img1" / "000007.png"
    broken.write_bytes(b"broken")
    assert run_folder(unlabelled) == 2
    assert "000007.png" in synthetic_video.read_error_line(capsys)
    assert names(out) == ["MOT17-01.txt", "OTHER.txt", "runs"]
    assert read_results(out / "runs" / "MOT17-02" / "tracks.txt").frame.max() == 6


def test_a_stopped_folder_is_resumed_with_the_next_sequence(
    run_folder, unlabelled, tracker_updates, out
):
    tracker_updates.stop_at = FRAMES + 4
    assert run_folder(unlabelled) == 130
    assert names(out) == ["MOT17-01.txt", "runs"]
    tracker_updates.frames, tracker_updates.stop_at = 0, None
    assert run_folder(unlabelled, "--resume") == 0
    assert tracker_updates.frames <= 2 * FRAMES  # the first sequence is complete
    assert names(out) == ["MOT17-01.txt", "MOT17-02.txt", "OTHER.txt", "runs"]
    assert len(read_results(out / "MOT17-02.txt")) == 2 * (FRAMES - 2)


@pytest.mark.parametrize("images", [True, False])
def test_results_of_an_earlier_run_do_not_stay_beside_those_of_this_one(
    run_folder, tmp_path, out, images
):
    folder = tmp_path / "data"
    for name in ("A", "B"):
        synthetic_video.write_sequence(folder / name, FRAMES, images=images)
    assert run_folder(folder) == 0
    (folder / "B" / "det" / "det.txt").write_text("1,-1,nothing\n")
    assert run_folder(folder, "--set", "n_init=1") == 2
    assert names(out) == ["A.txt", "runs"]
    assert len(read_results(out / "A.txt")) == 2 * FRAMES


@pytest.mark.parametrize("images", [True, False])
def test_files_of_others_are_not_replaced(run_folder, tmp_path, out, capsys, images):
    synthetic_video.write_sequence(tmp_path / "data" / "A", FRAMES, images=images)
    out.mkdir()
    (out / "A.txt").write_text("mine")
    assert run_folder(tmp_path / "data") == 2
    assert "A.txt: expected a file of an earlier run or none" in synthetic_video.read_error_line(
        capsys
    )
    assert (out / "A.txt").read_text() == "mine"


def test_settings_and_format_hold_for_every_sequence(run_folder, unlabelled, out):
    assert run_folder(unlabelled, "--set", "n_init=1", "--format", "csv") == 0
    text = (out / "OTHER.csv").read_text(encoding="utf-8")
    assert text.count("\n") == 1 + 2 * FRAMES


def test_options_of_one_video_are_refused(run_folder, unlabelled, tmp_path, capsys):
    for source, options, message in (
        (unlabelled, ["--registry", tmp_path / "p.sqlite"], "--registry: expected one video"),
        (
            unlabelled,
            ["--camera-motion", "w.txt"],
            "--camera-motion: expected auto, flow, ecc, none",
        ),
        (unlabelled / "OTHER", ["--only", "A"], "--only: expected a folder of sequences"),
    ):
        assert run_folder(source, *options) == 2
        assert message in synthetic_video.read_error_line(capsys)


def test_sequences_of_one_name_are_refused(run_folder, unlabelled, out, capsys):
    synthetic_video.write_sequence(unlabelled / "more" / "OTHER", 3, images=True)
    assert run_folder(unlabelled) == 2
    assert "sequences with distinct names, got 'OTHER'" in synthetic_video.read_error_line(capsys)
    assert not out.exists()


@pytest.mark.parametrize("lag", [0, 4])
def test_sequence_without_frames_is_tracked_by_its_detections(run_folder, sequences, out, lag):
    assert run_folder(sequences, "--lag", lag) == 0
    assert names(out) == ["SEQ-01.txt", "SEQ-02.txt", "runs"]
    summary = json.loads((out / "runs" / "SEQ-01" / "summary.json").read_text(encoding="utf-8"))
    assert (summary["status"], summary["frames"]) == ("complete", FRAMES)
    assert len(read_results(out / "SEQ-01.txt")) == 2 * (FRAMES if lag else FRAMES - 2)
    arguments = ["--out", f"{out}-scored", "--quiet", "--lag", str(lag)]
    assert main(["benchmark", str(sequences), *arguments]) == 0
    label = f"default-lag{lag}" if lag else "default"
    scored = out.parent / "out-scored" / label / "SEQ-01.txt"
    assert scored.read_bytes() == (out / "SEQ-01.txt").read_bytes()


def test_options_that_need_frames_are_refused_without_them(run_folder, sequences, out, capsys):
    for options, message in (
        (["--camera-motion", "flow"], "expected img1/ or a video; without frames give --embedder"),
        (["--every", "2"], "expected img1/ or a video for --start, --stop, --every"),
        (["--detector", "background"], "expected images (here or in img1/) or one video file"),
    ):
        assert run_folder(sequences, *options) == 2
        assert message in synthetic_video.read_error_line(capsys)
    assert not out.exists()
