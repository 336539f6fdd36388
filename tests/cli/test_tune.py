"""`tune`: configuration file, continued searches, errors."""

import json

import pytest

from deepsort_reid.cli.main import main
from deepsort_reid.io.mot import read_detections, write_rows
from deepsort_reid.structures.mot_rows import MotRows
from deepsort_reid.tracking.from_dict import tracker_parts
from tests.cli import synthetic_video


@pytest.fixture
def faint_sequences(sequences):
    """Sequences with scores at which the default starts no track."""
    for path in sequences.glob("*/det/det.txt"):
        rows = read_detections(path)
        score = rows.score * 0 + 0.45
        score[::2] -= 0.01
        write_rows(path, MotRows(rows.frame, rows.id, rows.xyxy, score), "det")
    return sequences


@pytest.fixture
def run_tune(out):
    def run(folder, *options):
        return main(["tune", str(folder), "--out", str(out), "--quiet", *map(str, options)])

    return run


def test_the_configuration_is_written_and_used(
    run_tune, run_benchmark, faint_sequences, out, capsys
):
    assert run_tune(faint_sequences, "--trials", 30) == 0
    printed = capsys.readouterr().out
    assert f"written to {out / 'tracker.json'}" in printed
    assert "new_track_score" in printed
    values = json.loads((out / "tracker.json").read_text())
    assert tracker_parts(values).config.new_track_score <= 0.45
    assert run_benchmark(faint_sequences, "--config", out / "tracker.json") == 0
    table = (out / "table.txt").read_text()
    assert float(table.split("COMBINED")[1].split()[0]) > 0


def test_a_default_that_is_not_beaten_is_said_and_nothing_is_written(
    run_tune, sequences, out, capsys
):
    (out / "tracker.json").parent.mkdir(parents=True)
    (out / "tracker.json").write_text("{}")  # of an earlier tuning
    assert run_tune(sequences, "--trials", 2, "--metric", "mota") == 0
    printed = capsys.readouterr().out
    assert "The default is not beaten on sequences that were left out" in printed
    assert not (out / "tracker.json").exists()


def test_the_same_command_measures_no_trial_twice(run_tune, sequences, out, tracker_updates):
    assert run_tune(sequences, "--trials", 3) == 0
    first = tracker_updates.frames
    content = (out / "trials.jsonl").read_bytes()
    assert run_tune(sequences, "--trials", 3) == 0
    # The default and the settings found are scored once more on each sequence.
    assert tracker_updates.frames - first == 2 * (2 * synthetic_video.SEQUENCE_LENGTH + 2)
    assert (out / "trials.jsonl").read_bytes() == content


def test_errors_are_one_line_and_lose_no_trials(run_tune, sequences, out, tmp_path, capsys):
    assert run_tune(sequences, "--trials", 2) == 0
    content = (out / "trials.jsonl").read_bytes()
    for options, text in (
        (["--trials", 1], "--trials: expected 2 or more, got 1"),
        (
            ["--trials", 2, "--metric", "hota"],
            "trials.jsonl: expected trials on the same",
        ),
        (["--only", "SEQ-01"], "expected at least two sequences with gt/gt.txt"),
        (["--only", "SEQ-07"], "SEQ-07"),
    ):
        capsys.readouterr()
        assert run_tune(sequences, *options) == 2
        error = capsys.readouterr().err
        assert text in error
        assert len(error.splitlines()) == 1
    assert (out / "trials.jsonl").read_bytes() == content
