"""`benchmark`: table of configurations, reuse of earlier results, causes of switches, errors."""

import csv
import hashlib
import json

import numpy as np
import pytest

from deepsort_reid import DeepSort, metrics
from deepsort_reid.cli import benchmark as command
from deepsort_reid.cli.main import main
from deepsort_reid.cli.output_folder import versions
from deepsort_reid.io.mot import read_ground_truth, read_results
from deepsort_reid.structures.mot_rows import MotRows
from deepsort_reid.tracking import published
from tests.cli import synthetic_video

FRAMES = synthetic_video.SEQUENCE_LENGTH


def table(path):
    """The rows of a CSV file as dictionaries."""
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))


def first_words(text):
    return [line.split()[0] for line in text.splitlines() if line.strip()]


def test_table_equals_that_of_evaluate_and_has_a_combined_row(
    run_benchmark, sequences, out, capsys
):
    assert run_benchmark(sequences) == 0
    printed = capsys.readouterr().out
    kept = (out / "table.txt").read_text(encoding="utf-8")
    assert kept in printed
    assert [w for w in first_words(kept) if w.startswith(("SEQ", "COMB"))] == [
        "SEQ-01",
        "SEQ-02",
        "COMBINED",
    ]
    assert "frames per second" in kept
    scores = {
        name: metrics.evaluate(
            read_ground_truth(sequences / name / "gt" / "gt.txt"),
            read_results(out / "default" / f"{name}.txt"),
            frames=frames,
        )
        for name, frames in (("SEQ-01", FRAMES), ("SEQ-02", FRAMES + 2))
    }
    assert kept.startswith(metrics.text_table(metrics.with_combined(scores)))
    # Two persons, missed only in their first two frames: 8 of 40 + 4 boxes.
    combined = metrics.with_combined(scores)["COMBINED"].clear
    assert (combined.misses, combined.false_positives, combined.switches) == (8, 0, 0)
    assert combined.mota == pytest.approx(36 / 44)


def test_each_sequence_is_scored_under_the_protocol_that_evaluate_chooses(
    run_benchmark, sequences, out, capsys
):
    truth = synthetic_video.mot_rows(FRAMES, score=1)
    truth.class_id[truth.id == 2] = 6  # non-motorised vehicle: a distractor in MOT20 only
    for name in ("MOT20-77", "OTHER"):
        synthetic_video.write_sequence(sequences / name, FRAMES, truth=truth)
    assert run_benchmark(sequences) == 0
    printed = capsys.readouterr().out
    rules = [
        "protocol: mot16 (OTHER)",
        "protocol: mot20 (MOT20-77)",
        "protocol: plain (SEQ-01, SEQ-02)",
    ]
    assert [line for line in printed.splitlines() if line.startswith("protocol")] == rules
    assert main(["evaluate", str(sequences), str(out / "default"), "--quiet"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:3] == rules
    for line in lines[3:9]:
        assert line in printed.splitlines()


def test_tracks_equal_those_of_the_tracker_on_the_public_detections(run_benchmark, sequences, out):
    assert run_benchmark(sequences, "--config", "published", "--only", "SEQ-01") == 0
    tracker, expected = published(), []
    for number in range(1, FRAMES + 1):
        found = synthetic_video.TrueBoxDetector()
        found.calls = number - 1
        tracks = tracker.update(found(None))
        expected += [(number, id) for id in tracks.id.tolist()]
    rows = read_results(out / "published" / "SEQ-01.txt")
    assert list(zip(rows.frame.tolist(), rows.id.tolist(), strict=True)) == expected
    assert not (out / "published" / "SEQ-02.txt").exists()


def test_only_accepts_one_or_several_sequences_before_or_after_the_folder(sequences, out, capsys):
    synthetic_video.write_sequence(sequences / "SEQ-03", 2)
    options = ["--out", str(out), "--quiet", "--embedder", "none"]
    assert main(["benchmark", *options, "--only", "SEQ-01", str(sequences)]) == 0
    assert sorted(path.stem for path in (out / "default").glob("*.txt")) == ["SEQ-01"]
    assert (
        main(["benchmark", str(sequences), *options, "--only", "SEQ-01", "--only", "SEQ-03"]) == 0
    )
    assert sorted(path.stem for path in (out / "default").glob("*.txt")) == ["SEQ-01", "SEQ-03"]
    rows = [line.split()[0] for line in capsys.readouterr().out.splitlines() if "SEQ-" in line]
    assert rows == ["SEQ-01", "SEQ-01", "SEQ-03"]


def test_several_configurations_are_rows_of_one_table(
    run_benchmark, sequences, out, tmp_path, capsys
):
    early = tmp_path / "early.json"
    early.write_text('{"n_init": 1}')
    options = [option for name in ("default", early, "published") for option in ("--config", name)]
    assert run_benchmark(sequences, *options) == 0
    printed = capsys.readouterr().out
    rows = [" ".join(line.split()[:2]) for line in printed.splitlines() if " COMBINED" in line]
    assert rows == ["default COMBINED", "early COMBINED", "published COMBINED"]
    assert len(read_results(out / "early" / "SEQ-01.txt")) == 2 * FRAMES
    assert len(read_results(out / "default" / "SEQ-01.txt")) == 2 * (FRAMES - 2)
    settings = json.loads((out / "early" / "SEQ-01.json").read_text(encoding="utf-8"))
    assert settings["config"]["n_init"] == "1"


def test_second_run_tracks_nothing_and_prints_the_same(
    run_benchmark, sequences, tracker_updates, capsys
):
    assert run_benchmark(sequences) == 0
    first = capsys.readouterr().out
    assert tracker_updates.frames == FRAMES + FRAMES + 2
    assert run_benchmark(sequences) == 0
    assert tracker_updates.frames == FRAMES + FRAMES + 2
    assert capsys.readouterr().out == first


def test_interrupted_benchmark_continues_with_the_next_sequence(
    run_benchmark, sequences, tracker_updates, out, capsys
):
    tracker_updates.stop_at = FRAMES + 5  # in the second sequence
    assert run_benchmark(sequences) == 130
    assert capsys.readouterr().err == "deepsort-reid benchmark: stopped\n"
    assert not (out / "table.txt").exists()
    assert not (out / "default" / "SEQ-02.json").exists()
    tracker_updates.frames, tracker_updates.stop_at = 0, None
    assert run_benchmark(sequences) == 0
    assert tracker_updates.frames == FRAMES + 2
    after = (out / "default" / "SEQ-02.txt").read_bytes()
    assert main(["benchmark", str(sequences), "--out", f"{out}-again", "--quiet"]) == 0
    assert (out.parent / "out-again" / "default" / "SEQ-02.txt").read_bytes() == after


@pytest.mark.parametrize("change", ["config", "detections", "truth", "settings", "no tracks"])
def test_sequence_is_tracked_again_after_a_change_of_its_inputs(
    change, run_benchmark, sequences, tracker_updates, out, tmp_path
):
    config = tmp_path / "mine.json"
    config.write_text('{"max_age": 30}')
    options = ["--only", "SEQ-01", "--config", config]
    assert run_benchmark(sequences, *options) == 0
    if change == "config":
        config.write_text('{"max_age": 31}')
    elif change == "detections":
        synthetic_video.write_detections(
            sequences / "SEQ-01" / "det" / "det.txt", FRAMES, score=0.8
        )
    elif change == "truth":
        truth = sequences / "SEQ-01" / "gt" / "gt.txt"
        truth.write_text("".join(truth.read_text().splitlines(keepends=True)[:-1]))
    elif change == "settings":
        settings = out / "mine" / "SEQ-01.json"
        settings.write_text(settings.read_text().replace(versions()["numpy"], "1.0"))
    else:
        (out / "mine" / "SEQ-01.txt").unlink()
    assert run_benchmark(sequences, *options) == 0
    assert tracker_updates.frames == 2 * FRAMES


def test_interrupted_run_of_another_configuration_is_not_taken_for_a_complete_one(
    run_benchmark, sequences, tracker_updates, out, tmp_path
):
    config = tmp_path / "mine.json"
    options = ["--only", "SEQ-01", "--config", config]
    config.write_text('{"max_age": 30}')
    assert run_benchmark(sequences, *options) == 0
    before = (out / "mine" / "SEQ-01.txt").read_bytes()
    config.write_text('{"max_age": 31}')
    tracker_updates.frames, tracker_updates.stop_at = 0, 5
    assert run_benchmark(sequences, *options) == 130
    config.write_text('{"max_age": 30}')
    tracker_updates.frames, tracker_updates.stop_at = 0, None
    assert run_benchmark(sequences, *options) == 0
    assert tracker_updates.frames == FRAMES
    assert (out / "mine" / "SEQ-01.txt").read_bytes() == before


def test_settings_beside_the_tracks_record_what_determines_the_result(
    run_benchmark, sequences, out
):
    assert run_benchmark(sequences) == 0
    settings = json.loads((out / "default" / "SEQ-01.json").read_text(encoding="utf-8"))
    assert settings["sequence"] == "SEQ-01"
    assert settings["versions"] == versions()
    assert settings["association"] == repr(DeepSort().association)
    assert settings["seconds"] > 0
    truth = (sequences / "SEQ-01" / "gt" / "gt.txt").read_bytes()
    assert settings["truth_sha256"] == hashlib.sha256(truth).hexdigest()
    (kept,) = (out / "cache").glob("SEQ-01-*.npz")
    with np.load(kept) as stored:
        digest = hashlib.sha256()
        for name in ("frame", "xyxy", "score", "class_id"):
            digest.update(stored[name].tobytes())
    assert settings["detections_sha256"] == digest.hexdigest()
    assert not list(out.rglob("*.part*"))


# --- events ------------------------------------------------------------------------------------


@pytest.fixture
def jumping(tmp_path):
    """The ground truth of the red person jumps to another place in frame 7."""
    frames = 12
    first, second = synthetic_video.mot_rows(6), synthetic_video.mot_rows(frames - 6, first=7)
    moved = second.xyxy.copy()
    moved[::2] += [80, 0, 80, 0]
    together = MotRows.concatenate([first, second])
    xyxy = np.concatenate([first.xyxy, moved])
    truth = MotRows(
        together.frame, together.id, xyxy, np.ones(24), together.class_id, together.visibility
    )
    folder = synthetic_video.write_sequence(tmp_path / "jump" / "SEQ-04", frames, truth=truth)
    lines = [
        f"{frame},-1,{x1},{y1},{x2 - x1},{y2 - y1},0.9,-1,-1,-1\n"
        for frame, (x1, y1, x2, y2) in zip(truth.frame, xyxy, strict=True)
    ]
    (folder / "det" / "det.txt").write_text("".join(lines))
    return folder.parent


def test_every_switch_has_a_cause(run_benchmark, jumping, out):
    assert run_benchmark(jumping, "--events") == 0
    rows = table(out / "default" / "SEQ-04.events.csv")
    switches = [row for row in rows if row["kind"] == "switch"]
    assert [(row["truth_id"], row["cause"]) for row in switches] == [("1", "motion gate")]
    # Detected at the new place from frame 7, confirmed in the third frame there.
    assert switches[0]["frame"] == "9"


def test_events_of_a_later_run_belong_to_the_tracks_beside_them(
    run_benchmark, jumping, tracker_updates, out, tmp_path
):
    config = tmp_path / "mine.json"
    config.write_text('{"n_init": 3}')
    events = out / "mine" / "SEQ-04.events.csv"
    assert run_benchmark(jumping, "--config", config) == 0
    assert not events.exists()
    assert run_benchmark(jumping, "--config", config, "--events") == 0
    assert tracker_updates.frames == 24
    assert ",9," in events.read_text(encoding="utf-8")
    # After a run of another configuration without events, the old event list is not reused.
    config.write_text('{"n_init": 2}')
    assert run_benchmark(jumping, "--config", config) == 0
    assert run_benchmark(jumping, "--config", config, "--events") == 0
    rows = table(events)
    assert [row["frame"] for row in rows if row["kind"] == "switch"] == ["8"]


def test_label_of_a_configuration_is_a_keyword_or_the_file_name():
    assert command._label("default") == "default"
    assert command._label("configs/fast.json") == "fast"


@pytest.mark.data
def test_tud_campus_with_its_public_detections(data_root, run_benchmark, out):
    options = ["--only", "TUD-Campus", "--embedder", "none", "--events"]
    assert run_benchmark(data_root / "mot", *options) == 0
    truth = read_ground_truth(data_root / "mot" / "TUD-Campus" / "gt" / "gt.txt")
    scores = metrics.evaluate(truth, read_results(out / "default" / "TUD-Campus.txt"), frames=71)
    file = out / "default" / "TUD-Campus.events.csv"
    rows = table(file)
    switches = [row for row in rows if row["kind"] == "switch"]
    assert len(switches) == scores.clear.switches
    assert all(row["cause"] for row in switches)
    assert scores.identity.idf1 > 0.4
