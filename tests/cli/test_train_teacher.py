"""`train --teacher`: distillation of a network into a student."""

import csv
import json
import shutil
import subprocess
import sys

import cv2
import numpy as np
import pytest
import torch

from deepsort_reid.cli import main
from deepsort_reid.reid.training import view_store
from deepsort_reid.reid.training.checkpoint import load_checkpoint
from deepsort_reid.vision.embedder import Embedder
from tests.cli.training_runs import SMALL, one_line, write_identities
from tests.reid.colour_teacher import write_teacher


@pytest.fixture(autouse=True)
def small_shards(monkeypatch):
    monkeypatch.setattr(view_store, "SHARD_SIZE", 64)


@pytest.fixture
def dataset(tmp_path):
    return write_identities(tmp_path / "dataset")


@pytest.fixture
def teacher(tmp_path):
    return write_teacher(tmp_path / "teacher.onnx", 32)


@pytest.fixture
def unlabelled(tmp_path):
    """Folder with a subfolder, 20 images."""
    rng = np.random.default_rng(5)
    folder = tmp_path / "unlabelled"
    (folder / "more").mkdir(parents=True)
    for number in range(20):
        place = folder / "more" if number % 2 else folder
        colours = rng.integers(0, 256, (2, 1, 3), np.uint8)
        image = cv2.resize(colours, (20, 40), interpolation=cv2.INTER_NEAREST)
        cv2.imwrite(str(place / f"any name {number}.png"), image)
    return folder


def distil(*arguments, views=128):
    return main.main(["train", *map(str, arguments), *SMALL, "--views", str(views)])


def history(run):
    with (run / "metrics.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def weights(run):
    saved = load_checkpoint(run)
    return {
        f"{part}.{name}": value
        for part in ("model", "ema", "criterion")
        for name, value in saved[part].items()
    }


def test_student_is_trained_validated_and_exported(dataset, teacher, tmp_path, capsys, caplog):
    run = tmp_path / "run"
    arguments = [dataset, "--teacher", teacher, "--out", run, "--epochs", "2"]
    with caplog.at_level("INFO"):
        assert distil(*arguments, "--validate-every", "1") == 0
    rows = history(run)
    assert {"mAP", "rank1", "teacher_cosine"} <= rows[0].keys()
    best = load_checkpoint(run / "best.pt")["state"]
    assert best["best_score"] == max(float(row["teacher_cosine"]) for row in rows)
    assert "128 views of 25 images in" in caplog.text
    assert "targets: 24 of 32 dimensions of the teacher" in caplog.text
    assert "teacher on the validation images: mAP 1 rank1 1" in caplog.text
    assert f"cosine to the teacher {best['best_score']:.1%}: {run}" in capsys.readouterr().out
    out = tmp_path / "student.onnx"
    assert main.main(["export", str(run), "--crops", str(dataset), "--out", str(out)]) == 0
    assert Embedder(out).embedding_dim == 24


def test_unlabelled_images_alone_are_enough(unlabelled, teacher, tmp_path, capsys):
    run = tmp_path / "run"
    arguments = ["--unlabelled", unlabelled, "--teacher", teacher, "--out", run]
    assert distil(*arguments, "--epochs", "2", "--validate-every", "1") == 0
    rows = history(run)
    assert rows[0].keys() == {
        "epoch", "loss", "learning_rate", "images_per_second", "teacher_cosine"
    }  # fmt: skip
    assert (run / "best.pt").is_file()
    config = json.loads((run / "config.json").read_text())
    assert (len(config["files"]), len(config["validation_files"])) == (16, 4)
    assert config["identities"] == []
    assert f"export {run} --crops {unlabelled}" in capsys.readouterr().out
    out = tmp_path / "student.onnx"
    assert main.main(["export", str(run), "--crops", str(unlabelled), "--out", str(out)]) == 0


def test_unlabelled_images_are_added_to_labelled_ones(
    dataset, unlabelled, teacher, tmp_path, caplog
):
    run = tmp_path / "run"
    arguments = [dataset, "--unlabelled", unlabelled, "--teacher", teacher, "--out", run]
    with caplog.at_level("INFO"):
        assert distil(*arguments, "--epochs", "1") == 0
    assert "training on 25 images of 5 identities" in caplog.text
    assert "and on 20 images of unknown people" in caplog.text
    config = json.loads((run / "config.json").read_text())
    assert (len(config["files"]), len(config["validation_files"])) == (45, 10)
    # One class for each identity, none for unknown people.
    assert len(load_checkpoint(run)["criterion"]["classifier.directions"]) == 5


def test_several_teachers_are_joined(dataset, teacher, tmp_path, caplog):
    second = write_teacher(tmp_path / "second.onnx", 8, seed=1)
    arguments = [dataset, "--teacher", teacher, "--teacher", second, "--out", tmp_path / "run"]
    with caplog.at_level("INFO"):
        assert distil(*arguments, "--epochs", "1") == 0
    assert "targets: 24 of 40 dimensions of the teacher" in caplog.text


def test_student_has_no_more_components_than_the_teacher(dataset, tmp_path, capsys, caplog):
    caplog.set_level("CRITICAL")
    teacher = write_teacher(tmp_path / "teacher.onnx", 10)
    arguments = ["train", str(dataset), "--teacher", str(teacher), "--out", str(tmp_path / "run")]
    assert main.main([*arguments, *SMALL]) == 2
    assert "expected at most 10, that of the teacher, got 24; use a smaller" in one_line(capsys)
    assert not (tmp_path / "run").exists()
    without_dim = [*SMALL[:5], *SMALL[7:], "--views", "64", "--epochs", "1"]
    assert main.main([*arguments, *without_dim]) == 0
    assert load_checkpoint(tmp_path / "run")["architecture"]["embedding_dim"] == 10


def test_resumed_run_equals_an_uninterrupted_one_and_needs_no_teacher(
    dataset, unlabelled, teacher, tmp_path
):
    data = [dataset, "--unlabelled", unlabelled, "--teacher", teacher, "--epochs", "3"]
    assert distil(*data, "--out", tmp_path / "straight") == 0
    assert distil(*data, "--out", tmp_path / "stopped", "--stop-after", "1") == 0
    teacher.unlink()
    torch.manual_seed(99)
    assert main.main(["train", "--resume", str(tmp_path / "stopped")]) == 0
    straight, resumed = (weights(tmp_path / name) for name in ("straight", "stopped"))
    assert straight.keys() == resumed.keys()
    assert all(torch.equal(value, resumed[name]) for name, value in straight.items())


def test_interrupted_views_are_continued_by_the_same_command(
    dataset, teacher, tmp_path, monkeypatch
):
    original = view_store.make_view
    made = []

    def interrupt(*arguments, **options):
        if len(made) == 100:
            raise KeyboardInterrupt
        made.append(1)
        return original(*arguments, **options)

    run = tmp_path / "run"
    monkeypatch.setattr(view_store, "make_view", interrupt)
    arguments = [dataset, "--teacher", teacher, "--out", run, "--epochs", "1"]
    assert distil(*arguments) == 130
    assert [path.name for path in sorted((run / "views").glob("*.npz"))] == ["0000.npz"]
    before = (run / "views" / "0000.npz").stat().st_mtime_ns
    monkeypatch.setattr(view_store, "make_view", original)
    assert distil(*arguments) == 0
    assert (run / "views" / "0000.npz").stat().st_mtime_ns == before


def test_changed_images_on_resume_are_rejected_in_one_line(
    dataset, teacher, tmp_path, capsys, caplog
):
    run = tmp_path / "run"
    distil(dataset, "--teacher", teacher, "--out", run, "--epochs", "2", "--stop-after", "1")
    for path in dataset.glob("*/0.png"):
        cv2.imwrite(str(path), np.zeros((40, 20, 3), np.uint8))
    capsys.readouterr()
    with caplog.at_level("CRITICAL"):
        assert main.main(["train", "--resume", str(run)]) == 2
    assert "views: holds views with other images" in one_line(capsys)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["DATA", "--teacher", "nowhere.onnx"], "nowhere.onnx: no such ONNX file"),
        (["DATA", "--teacher", "TEXT"], "text.onnx: expected an ONNX model, got a file that"),
        (["DATA", "--teacher", "MAP"], "map.onnx: expected one vector per image, got an output of"),
        (["DATA", "--teacher", "DATA"], "no such ONNX file"),
        (["nowhere", "--teacher", "TEACHER"], "nowhere: expected a folder of images"),
        (["--teacher", "TEACHER"], "expected a folder of images, --unlabelled FOLDER with"),
        (["--teacher", "TEACHER", "--unlabelled", "no"], "no: expected a folder of images"),
        (["--teacher", "TEACHER", "--unlabelled", "EMPTY"], "empty: expected images of people"),
        (["--teacher", "TEACHER", "--unlabelled", "MOT"], "a MOT sequence: run `deepsort-reid"),
        (["--teacher", "TEACHER", "--unlabelled", "ONE"], "expected at least 2 images, got 1"),
        (["--unlabelled", "DATA"], "--unlabelled: needs --teacher FILE.onnx"),
        (["DATA", "--views", "500"], "--views: needs --teacher FILE.onnx"),
        (["DATA", "--teacher", "TEACHER", "--views", "9"], "--views: expected at least 64"),
        (["DATA", "--teacher", "TEACHER", "--losses", "triplet"], "--losses: has no effect"),
        (["DATA", "--teacher", "TEACHER", "--no-augmentation"], "--no-augmentation: has no"),
        (["DATA", "--teacher", "TEACHER", "--label-weight", "-1"], "--label-weight: expected 0"),
    ],
)
def test_unusable_input_is_rejected_in_one_line_without_torch(
    dataset, teacher, tmp_path, arguments, expected
):
    (tmp_path / "empty").mkdir()
    (tmp_path / "one").mkdir()
    shutil.copy(dataset / "0000" / "0.png", tmp_path / "one" / "0.png")
    (tmp_path / "mot" / "img1").mkdir(parents=True)
    (tmp_path / "text.onnx").write_text("not a network")
    write_teacher(tmp_path / "map.onnx", output_rank=4)
    places = {
        "DATA": dataset,
        "TEACHER": teacher,
        "TEXT": tmp_path / "text.onnx",
        "MAP": tmp_path / "map.onnx",
        "EMPTY": tmp_path / "empty",
        "ONE": tmp_path / "one",
        "MOT": tmp_path / "mot",
    }
    words = [str(places.get(word, word)) for word in arguments]
    script = (
        "import sys; sys.modules['torch'] = None; from deepsort_reid.cli.main import main; "
        "sys.exit(main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", script, "train", *words, "--out", str(tmp_path / "run")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert expected in done.stderr
    assert not (tmp_path / "run").exists()


def test_impossible_architecture_is_rejected_before_the_views_are_made(
    dataset, teacher, tmp_path, capsys, caplog
):
    with caplog.at_level("CRITICAL"):
        status = distil(dataset, "--teacher", teacher, "--out", tmp_path / "run", "--parts", "5")
    assert status == 2
    assert "parts: expected at most 2" in one_line(capsys)
    assert not (tmp_path / "run").exists()


def test_training_on_labels_is_not_continued_with_a_teacher(dataset, teacher, tmp_path, capsys):
    run = tmp_path / "run"
    main.main(["train", str(dataset), "--out", str(run), *SMALL, "--epochs", "1"])
    capsys.readouterr()
    assert main.main(["train", "--resume", str(run), "--teacher", str(teacher)]) == 2
    assert "--teacher: " in one_line(capsys)
