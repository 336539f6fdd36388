"""The commands `train` and `export`, from folders of pictures to a file that `Embedder` reads."""

import argparse
import json

import cv2
import numpy as np
import pytest
import torch

from deepsort_reid.cli import main
from deepsort_reid.cli import train as command
from deepsort_reid.reid.training.checkpoint import load_checkpoint, load_model
from deepsort_reid.vision.embedder import Embedder

SMALL = ["--size", "32", "16", "--backbone", "osnet_x0_25", "--embedding-dim", "24"]
SMALL += ["--identities-per-batch", "3", "--images-per-identity", "2", "--threads", "1"]


@pytest.fixture
def people(tmp_path):
    """Seven people with five pictures each, of one colour and noise."""
    rng = np.random.default_rng(0)
    for person in range(7):
        folder = tmp_path / "people" / f"{person:04d}"
        folder.mkdir(parents=True)
        colour = rng.integers(0, 200, 3)
        for number in range(5):
            image = (colour + rng.integers(0, 56, (40, 20, 3))).astype(np.uint8)
            cv2.imwrite(str(folder / f"{number}.png"), image)
    return tmp_path / "people"


WEIGHTS = ("backbone.0.0.weight", "head.linear.0.weight")


def train(people, out, *arguments):
    return main.main(["train", str(people), "--out", str(out), *SMALL, *arguments])


def test_folders_become_a_run_and_the_run_an_embedder(people, tmp_path, capsys):
    run = tmp_path / "run"
    assert train(people, run, "--epochs", "3", "--validate-every", "2") == 0
    told = capsys.readouterr().out
    best = load_checkpoint(run / "best.pt")["state"]
    assert told == (
        f"best epoch {best['epoch']} of 3, mAP {best['best_map']:.1%}: {run / 'best.pt'}; "
        f"next: deepsort-reid export {run} --crops {people}\n"
    )
    names = {path.name for path in run.iterdir()}
    assert {"config.json", "metrics.csv", "curves.png", "last.pt", "best.pt"} <= names
    config = json.loads((run / "config.json").read_text())
    assert config["arguments"]["epochs"] == 3
    assert len(config["identities"]) == 5
    assert len(config["files"]) == 25
    assert len(config["validation_files"]) == 10
    out = tmp_path / "embedder.onnx"
    arguments = ["--crops", str(people), "--out", str(out), "--licence", "mine"]
    assert main.main(["export", str(run), *arguments]) == 0
    assert "worst cosine" in capsys.readouterr().out
    embedder = Embedder(out)
    assert (embedder.input_size, embedder.embedding_dim) == ((32, 16), 24)
    assert embedder.metadata["licence"] == "mine"


def test_a_flat_start_may_be_resumed_to_an_end_that_was_not_known_then(people, tmp_path):
    flat = ["--schedule", "flat-cosine", "--split", "none"]
    end, stop = [*flat, "--epochs", "3", "--decay-from", "1"], ["--stop-after", "1"]
    train(people, tmp_path / "straight", *end)
    train(people, tmp_path / "stopped", *flat, "--epochs", "9", "--decay-from", "8", *stop)
    train(people, tmp_path / "resumed", *end, "--resume", str(tmp_path / "stopped"))
    tables = [
        [line.split(",")[:3] for line in (tmp_path / name / "metrics.csv").read_text().split()]
        for name in ("straight", "resumed")
    ]
    assert len(tables[0]) == 4
    assert tables[0] == tables[1]


@pytest.mark.parametrize("losses", [["softmax"], ["cosine"], ["triplet"], ["cosine", "circle"]])
def test_every_loss_can_be_chosen(people, tmp_path, losses):
    arguments = ["--epochs", "1", "--split", "none", "--losses", *losses]
    assert train(people, tmp_path / "run", *arguments, "--optimizer", "sgd") == 0
    assert (tmp_path / "run" / "last.pt").is_file()


def test_a_broken_picture_is_named_and_left_out(people, tmp_path, caplog):
    (people / "0003" / "2.png").write_bytes(b"no picture")
    with caplog.at_level("INFO"):
        assert train(people, tmp_path / "run", "--epochs", "1", "--split", "none") == 0
    assert "2.png" in caplog.text
    assert (
        "34 pictures of 7 people to train on (1 left out, 0 people with a single picture)"
        in caplog.text
    )


def test_new_people_can_be_learned_from_an_older_network(people, tmp_path):
    train(people, tmp_path / "first", "--epochs", "1", "--split", "none")
    (people / "0000").rename(people / "new")
    start = ["--init-from", str(tmp_path / "first"), "--epochs", "1", "--lr", "1e-9"]
    # Without saying again what the network looks like.
    assert main.main(["train", str(people), "--out", str(tmp_path / "second"), *start]) == 0
    first, second = (load_model(tmp_path / name)[0].state_dict() for name in ("first", "second"))
    assert all(torch.allclose(first[key], second[key], atol=1e-6) for key in WEIGHTS)


def test_ctrl_c_says_how_to_go_on(people, tmp_path, monkeypatch, caplog):
    def interrupt(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("deepsort_reid.reid.training.train.augment", interrupt)
    with caplog.at_level("INFO"):
        assert train(people, tmp_path / "run") == 130
    assert f"--resume {tmp_path / 'run'}" in caplog.text
    monkeypatch.undo()
    assert train(people, tmp_path / "run", "--resume", str(tmp_path / "run"), "--epochs", "1") == 0


@pytest.mark.parametrize("name", ["", "last.pt"])
def test_a_resumed_training_stays_in_its_folder(people, tmp_path, monkeypatch, capsys, name):
    monkeypatch.chdir(tmp_path)
    first = tmp_path / "first"
    train(people, first, "--epochs", "1", "--split", "none")
    more = ["--resume", str(first / name), "--epochs", "2", "--split", "none"]
    assert main.main(["train", str(people), *SMALL, *more]) == 0
    assert len((first / "metrics.csv").read_text().splitlines()) == 3
    assert {path.name for path in tmp_path.iterdir()} == {"people", "first"}
    assert main.main(["train", str(people), *SMALL, "--epochs", "1", "--split", "none"]) == 0
    assert (tmp_path / "run" / "last.pt").is_file()
    assert "epoch 1: run/last.pt; next: deepsort-reid export run" in capsys.readouterr().out


def test_help_tells_every_default():
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    for action in parser._actions:
        if action.default not in (None, False, argparse.SUPPRESS):
            assert "(default: " in (action.help or ""), action.dest


def test_a_second_training_does_not_mix_with_the_first_in_one_folder(
    people, tmp_path, capsys, caplog
):
    run = tmp_path / "run"
    train(people, run, "--epochs", "1")
    before = {path.name: path.read_bytes() for path in run.iterdir()}
    (people / "0003" / "2.png").write_bytes(b"no picture")
    capsys.readouterr()
    assert train(people, run, "--epochs", "1") == 2
    told = one_line(capsys)
    assert "run holds last.pt and best.pt of another training" in told
    assert f"--resume {run}" in told
    assert "2.png" not in caplog.text  # it complains before it loads the pictures
    assert {path.name: path.read_bytes() for path in run.iterdir()} == before


def one_line(capsys):
    error = capsys.readouterr().err
    assert error.count("\n") == 1, error
    return error


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--backbone", "resnet51"], "unknown backbone 'resnet51': choose one of compact"),
        (["--device", "abacus"], "device 'abacus' cannot be used here"),
        (["--device", "cpu", "--precision", "float16"], "too slow on the CPU: take bfloat16"),
        (["--weights", "imagenet"], "train from scratch"),
        (["--resume", "nowhere"], "no checkpoint nowhere"),
        (["--identities-per-batch", "50"], "a batch of 50 people needs as many in the data, got 5"),
        (["--parts", "4"], "an embedding of 24 does not divide into 5 equal parts"),
        (["--schedule", "flat-cosine", "--decay-from", "9"], "decay must start before the end"),
    ],
)
def test_bad_arguments_get_one_line(people, tmp_path, capsys, caplog, arguments, expected):
    with caplog.at_level("CRITICAL"):
        assert train(people, tmp_path / "run", "--epochs", "2", *arguments) == 2
    assert expected in one_line(capsys)


def test_a_checkpoint_of_another_architecture_gets_one_line(people, tmp_path, capsys):
    train(people, tmp_path / "first", "--epochs", "1")
    capsys.readouterr()
    other = ["--resume", str(tmp_path / "first"), "--embedding-dim", "48", "--epochs", "2"]
    assert train(people, tmp_path / "second", *other) == 2
    assert "of another architecture" in one_line(capsys)
    assert not (tmp_path / "second").exists()


def test_a_folder_without_people_gets_one_line(tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    assert train(tmp_path / "empty", tmp_path / "run") == 2
    assert "found no image" in one_line(capsys)


def test_exporting_something_else_gets_one_line(people, tmp_path, capsys):
    (tmp_path / "last.pt").write_bytes(b"?")
    arguments = ["--crops", str(people), "--out", str(tmp_path / "e.onnx")]
    assert main.main(["export", str(tmp_path / "last.pt"), *arguments]) == 2
    assert "damaged or not a checkpoint" in one_line(capsys)
    assert not (tmp_path / "e.onnx").exists()
