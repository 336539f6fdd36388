"""Commands `train` and `export`: from folders of images to a file for `Embedder`."""

import json
import shutil

import numpy as np
import pytest
import torch

from deepsort_reid.cli import main, train_options
from deepsort_reid.reid.models.backbones import BACKBONES
from deepsort_reid.reid.models.reid_model import embed_images
from deepsort_reid.reid.training.checkpoint import load_checkpoint, load_model
from deepsort_reid.vision.embedder import Embedder
from tests.cli.training_runs import SMALL, one_line, train, write_identities

WEIGHTS = ("backbone.0.0.weight", "head.linear.0.weight")


@pytest.fixture
def dataset(tmp_path):
    return write_identities(tmp_path / "dataset")


def test_train_writes_a_run_folder_that_export_converts(dataset, tmp_path, capsys):
    run = tmp_path / "run"
    assert train(dataset, run, "--epochs", "3", "--validate-every", "2") == 0
    output = capsys.readouterr().out
    best = load_checkpoint(run / "best.pt")["state"]
    assert output == (
        f"best epoch {best['epoch']} of 3, mAP {best['best_score']:.1%}: {run / 'best.pt'}; "
        f"next: deepsort-reid export {run} --crops {dataset}\n"
    )
    names = {path.name for path in run.iterdir()}
    assert {"config.json", "metrics.csv", "curves.png", "last.pt", "best.pt"} <= names
    config = json.loads((run / "config.json").read_text())
    assert config["arguments"]["epochs"] == 3
    assert len(config["identities"]) == 5
    assert len(config["files"]) == 25
    assert len(config["validation_files"]) == 10
    out = tmp_path / "embedder.onnx"
    arguments = ["--crops", str(dataset), "--out", str(out), "--licence", "mine"]
    assert main.main(["export", str(run), *arguments]) == 0
    assert "lowest cosine" in capsys.readouterr().out
    embedder = Embedder(out)
    assert (embedder.input_size, embedder.embedding_dim) == ((32, 16), 24)
    assert embedder.metadata["licence"] == "mine"


def test_constant_phase_of_flat_cosine_can_be_resumed_with_another_end(dataset, tmp_path):
    flat = ["--schedule", "flat-cosine", "--split", "none"]
    end, stop = [*flat, "--epochs", "3", "--decay-from", "1"], ["--stop-after", "1"]
    train(dataset, tmp_path / "straight", *end)
    train(dataset, tmp_path / "stopped", *flat, "--epochs", "9", "--decay-from", "8", *stop)
    train(dataset, tmp_path / "resumed", *end, "--resume", str(tmp_path / "stopped"))
    tables = [
        [line.split(",")[:3] for line in (tmp_path / name / "metrics.csv").read_text().split()]
        for name in ("straight", "resumed")
    ]
    assert len(tables[0]) == 4
    assert tables[0] == tables[1]


@pytest.mark.parametrize("losses", [["softmax"], ["cosine"], ["triplet"], ["cosine", "circle"]])
def test_losses_can_be_chosen(dataset, tmp_path, losses):
    arguments = ["--epochs", "1", "--split", "none", "--losses", *losses]
    assert train(dataset, tmp_path / "run", *arguments, "--optimizer", "sgd") == 0
    assert (tmp_path / "run" / "last.pt").is_file()


def test_unusable_image_is_named_and_skipped(dataset, tmp_path, caplog):
    (dataset / "0003" / "2.png").write_bytes(b"not an image")
    with caplog.at_level("INFO"):
        assert train(dataset, tmp_path / "run", "--epochs", "1", "--split", "none") == 0
    assert "2.png" in caplog.text
    assert (
        "training on 34 images of 7 identities (1 images skipped, 0 identities with one image)"
        in caplog.text
    )


def test_init_from_starts_with_the_weights_of_a_run(dataset, tmp_path):
    train(dataset, tmp_path / "first", "--epochs", "1", "--split", "none")
    (dataset / "0000").rename(dataset / "new")
    start = ["--init-from", str(tmp_path / "first"), "--epochs", "1", "--lr", "1e-9"]
    # The options of the model are not repeated.
    assert main.main(["train", str(dataset), "--out", str(tmp_path / "second"), *start]) == 0
    first, second = (load_model(tmp_path / name)[0].state_dict() for name in ("first", "second"))
    assert all(torch.allclose(first[key], second[key], atol=1e-6) for key in WEIGHTS)


def test_init_from_starts_with_the_weights_of_an_onnx_file(dataset, tmp_path):
    train(dataset, tmp_path / "first", "--epochs", "1", "--split", "none")
    out = tmp_path / "first.onnx"
    export = ["export", str(tmp_path / "first"), "--crops", str(dataset), "--out", str(out)]
    assert main.main(export) == 0
    start = ["--init-from", str(out), "--epochs", "1", "--lr", "1e-9", "--split", "none"]
    assert main.main(["train", str(dataset), "--out", str(tmp_path / "second"), *start]) == 0
    (first, _), (second, state) = (load_model(tmp_path / name) for name in ("first", "second"))
    assert state["architecture"]["input_size"] == [32, 16]
    images = np.random.default_rng(0).integers(0, 256, (4, 32, 16, 3), np.uint8)
    # Not equal: the statistics of the normalisations follow the training images.
    assert (embed_images(first, images) * embed_images(second, images)).sum(1).min() > 0.98


def test_interrupted_training_prints_how_to_resume(dataset, tmp_path, monkeypatch, caplog):
    def interrupt(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("deepsort_reid.reid.training.training_data.augment", interrupt)
    with caplog.at_level("INFO"):
        assert train(dataset, tmp_path / "run") == 130
    assert f"--resume {tmp_path / 'run'}" in caplog.text
    monkeypatch.undo()
    assert train(dataset, tmp_path / "run", "--resume", str(tmp_path / "run"), "--epochs", "1") == 0


@pytest.mark.parametrize("name", ["", "last.pt"])
def test_resumed_training_writes_to_its_own_folder(dataset, tmp_path, monkeypatch, capsys, name):
    monkeypatch.chdir(tmp_path)
    first = tmp_path / "first"
    train(dataset, first, "--epochs", "1", "--split", "none")
    more = ["--resume", str(first / name), "--epochs", "2", "--split", "none"]
    assert main.main(["train", str(dataset), *SMALL, *more]) == 0
    assert len((first / "metrics.csv").read_text().splitlines()) == 3
    assert {path.name for path in tmp_path.iterdir()} == {"dataset", "first"}
    assert main.main(["train", str(dataset), *SMALL, "--epochs", "1", "--split", "none"]) == 0
    assert (tmp_path / "run" / "last.pt").is_file()
    assert "epoch 1: run/last.pt; next: deepsort-reid export run" in capsys.readouterr().out


def test_help_lists_all_backbones():
    assert all(name in train_options.BACKBONE_HELP for name in BACKBONES)


def test_second_training_in_one_folder_is_rejected(dataset, tmp_path, capsys, caplog):
    run = tmp_path / "run"
    train(dataset, run, "--epochs", "1")
    before = {path.name: path.read_bytes() for path in run.iterdir()}
    (dataset / "0003" / "2.png").write_bytes(b"not an image")
    capsys.readouterr()
    assert train(dataset, run, "--epochs", "1") == 2
    output = one_line(capsys)
    assert "run holds last.pt and best.pt of another training run" in output
    assert f"--resume {run}" in output
    assert "2.png" not in caplog.text  # rejected before the images are loaded
    assert {path.name: path.read_bytes() for path in run.iterdir()} == before


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--backbone", "resnet51"], "backbone: expected one of compact, osnet_x0_25"),
        (["--device", "abacus"], "device 'abacus' is not available"),
        (["--device", "cpu", "--precision", "float16"], "too slow on the CPU; use bfloat16"),
        (["--weights", "imagenet"], "train from scratch"),
        (["--resume", "nowhere"], "nowhere: no such checkpoint"),
        (
            ["--identities-per-batch", "50"],
            "expected at most 5, the identities in the data, got 50",
        ),
        (["--parts", "4"], "expected a positive multiple of 1 + parts = 5, got 24"),
        (["--parts", "5"], "expected at most 2, the rows of the backbone's feature map, got 5"),
        (["--schedule", "flat-cosine", "--decay-from", "9"], "decay must start before the end"),
    ],
)
def test_invalid_arguments_are_rejected_in_one_line(
    dataset, tmp_path, capsys, caplog, arguments, expected
):
    with caplog.at_level("CRITICAL"):
        assert train(dataset, tmp_path / "run", "--epochs", "2", *arguments) == 2
    assert expected in one_line(capsys)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("split", "remaining", "expected"),
    [
        ("identity", "*", "a split by identity needs at least 4 identities"),
        ("time", "*", "a split by time needs the frame number of every image"),
        ("identity", "0.png", "expected an identity with two images, got none among 2 identities"),
        ("image", "0.png", "expected images of at least two identities, got 1 images of 1"),
    ],
)
def test_impossible_validation_is_rejected_before_anything_is_written(
    dataset, tmp_path, capsys, split, remaining, expected
):
    for path in {*dataset.glob("*/*.png")} - {*dataset.glob(f"*/{remaining}")}:
        path.unlink()
    if "4 identities" in expected:
        for folder in sorted(dataset.iterdir())[3:]:
            shutil.rmtree(folder)
    assert train(dataset, tmp_path / "run", "--split", split, "--epochs", "1") == 2
    assert expected in one_line(capsys)
    assert not (tmp_path / "run").exists()


def test_validation_images_that_cannot_be_read_are_rejected(dataset, tmp_path, capsys, caplog):
    for path in dataset.glob("*/[1-4].png"):
        path.write_bytes(b"not an image")
    with caplog.at_level("CRITICAL"):
        assert train(dataset, tmp_path / "run", "--epochs", "1") == 2
    assert "expected an identity with two images" in one_line(capsys)
    assert not (tmp_path / "run").exists()


def test_split_by_image_is_warned_about_in_one_line(dataset, tmp_path, capsys):
    assert train(dataset, tmp_path / "run", "--epochs", "1", "--split", "image") == 0
    lines = capsys.readouterr().err.splitlines()
    assert [line for line in lines if "overestimates every score" in line] == [
        line for line in lines if line.startswith("deepsort-reid train: warning: --split image")
    ]
    assert sum("overestimates" in line for line in lines) == 1


def test_folder_without_images_is_rejected_in_one_line(tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    assert train(tmp_path / "empty", tmp_path / "run") == 2
    assert "found no image" in one_line(capsys)


def test_export_of_a_damaged_checkpoint_is_rejected_in_one_line(dataset, tmp_path, capsys):
    (tmp_path / "last.pt").write_bytes(b"?")
    arguments = ["--crops", str(dataset), "--out", str(tmp_path / "e.onnx")]
    assert main.main(["export", str(tmp_path / "last.pt"), *arguments]) == 2
    assert "damaged or not a checkpoint" in one_line(capsys)
    assert not (tmp_path / "e.onnx").exists()
