"""`benchmark` with invalid input: status 2 and one line that names the file or argument."""

from tests.cli import synthetic_video


def test_folder_without_sequences_is_reported_in_one_line(run_benchmark, tmp_path, out, capsys):
    (tmp_path / "nothing").mkdir()
    for folder, message in (("nothing", "no sequence"), ("missing", "no such folder")):
        assert run_benchmark(tmp_path / folder) == 2
        error = synthetic_video.read_error_line(capsys)
        assert message in error
        assert str(tmp_path / folder) in error
    assert not out.exists()


def test_sequences_without_ground_truth_are_refused(run_benchmark, tmp_path, capsys):
    folder = synthetic_video.write_sequence(tmp_path / "sequences" / "SEQ-05", 3)
    (folder / "gt" / "gt.txt").unlink()
    assert run_benchmark(tmp_path / "sequences") == 2
    assert "expected MOT sequences with gt/gt.txt, found none" in synthetic_video.read_error_line(
        capsys
    )


def test_missing_sequences_and_configurations_are_named(run_benchmark, sequences, out, capsys):
    assert run_benchmark(sequences, "--only", "SEQ-09") == 2
    assert (
        "--only: no sequence 'SEQ-09'; there are SEQ-01, SEQ-02"
        in synthetic_video.read_error_line(capsys)
    )
    assert run_benchmark(sequences, "--config", "no-such.json") == 2
    assert "no-such.json: No such file" in synthetic_video.read_error_line(capsys)
    assert not out.exists()


def test_sequences_or_configurations_with_equal_names_are_refused(
    run_benchmark, sequences, tmp_path, out, capsys
):
    synthetic_video.write_sequence(sequences / "more" / "SEQ-01", 3)
    assert run_benchmark(sequences) == 2
    assert (
        "sequences with distinct names, got 'SEQ-01' more than once"
        in synthetic_video.read_error_line(capsys)
    )
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "mine.json").write_text("{}")
    both = ["--config", tmp_path / "a" / "mine.json", "--config", tmp_path / "b" / "mine.json"]
    assert run_benchmark(sequences, "--only", "SEQ-02", *both) == 2
    assert "with distinct names, got 'mine' more than once" in synthetic_video.read_error_line(
        capsys
    )
    assert not out.exists()


def test_missing_detections_and_frames_are_reported_in_one_line(
    run_benchmark, sequences, tmp_path, capsys
):
    (tmp_path / "saved").mkdir()
    assert run_benchmark(sequences, "--detections", tmp_path / "saved") == 2
    assert "SEQ-01.npz: no such file, nor SEQ-01.txt beside it" in synthetic_video.read_error_line(
        capsys
    )
    assert run_benchmark(sequences, "--detector", "background") == 2
    assert "expected img1/ or a video to detect and embed in" in synthetic_video.read_error_line(
        capsys
    )
    model = synthetic_video.write_embedder(tmp_path / "colour.onnx")
    assert run_benchmark(sequences, "--embedder", model) == 2
    assert "without frames give --embedder none" in synthetic_video.read_error_line(capsys)


def test_invalid_row_is_named_with_file_and_line(run_benchmark, sequences, capsys):
    file = sequences / "SEQ-01" / "det" / "det.txt"
    file.write_text("1,-1,10,10,20,50,0.9,-1,-1,-1\n2,-1,ten,10,20,50,0.9,-1,-1,-1\n")
    assert run_benchmark(sequences) == 2
    assert f"{file}:2" in synthetic_video.read_error_line(capsys)


def test_output_folder_that_cannot_be_created_is_reported_in_one_line(
    run_benchmark, sequences, out, capsys, tracker_updates
):
    out.write_text("mine")
    assert run_benchmark(sequences) == 2
    assert str(out) in synthetic_video.read_error_line(capsys)
    assert tracker_updates.frames == 0
