"""`train --resume`: data and options come from the run that is continued."""

import json
import shutil

import pytest
import torch

from deepsort_reid.cli import main
from deepsort_reid.reid.training.checkpoint import load_checkpoint
from tests.cli.training_runs import one_line, train, write_identities


@pytest.fixture
def dataset(tmp_path):
    return write_identities(tmp_path / "dataset")


def saved_weights(run):
    saved = load_checkpoint(run)
    return {**saved["model"], **{f"criterion.{k}": v for k, v in saved["criterion"].items()}}


def test_run_is_resumed_with_its_own_data_and_options(dataset, tmp_path, monkeypatch, capsys):
    options = ["--losses", "cosine", "triplet", "--margin", "0.3", "--seed", "3", "--epochs", "3"]
    train(dataset, tmp_path / "straight", *options)
    monkeypatch.chdir(tmp_path)
    train("dataset", "stopped", *options, "--stop-after", "1")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert main.main(["train", "--resume", "../stopped"]) == 0
    assert f"export ../stopped --crops {dataset}" in capsys.readouterr().out
    straight, resumed = (saved_weights(tmp_path / name) for name in ("straight", "stopped"))
    assert straight.keys() == resumed.keys()
    assert all(torch.equal(value, resumed[name]) for name, value in straight.items())
    arguments = json.loads((tmp_path / "stopped" / "config.json").read_text())["arguments"]
    assert arguments["losses"] == ["cosine", "triplet"]
    assert arguments["data"] == str(dataset)


def test_run_that_started_from_another_one_is_resumed_without_it(dataset, tmp_path):
    train(dataset, tmp_path / "first", "--epochs", "1")
    start = ["--init-from", str(tmp_path / "first"), "--epochs", "2", "--stop-after", "1"]
    main.main(["train", str(dataset), "--out", str(tmp_path / "second"), *start])
    shutil.rmtree(tmp_path / "first")
    assert main.main(["train", "--resume", str(tmp_path / "second")]) == 0
    assert load_checkpoint(tmp_path / "second")["state"]["epoch"] == 2


def test_checkpoint_without_config_is_resumed(dataset, tmp_path):
    train(dataset, tmp_path / "first", "--epochs", "2", "--stop-after", "1")
    (tmp_path / "first" / "config.json").unlink()
    assert main.main(["train", "--resume", str(tmp_path / "first" / "last.pt")]) == 0
    assert load_checkpoint(tmp_path / "first")["state"]["epoch"] == 2


def test_schedule_and_size_of_a_resumed_run_can_be_changed(dataset, tmp_path):
    train(dataset, tmp_path / "run", "--epochs", "1", "--split", "none")
    more = ["--epochs", "3", "--stop-after", "2", "--size", "48", "24", "--lr", "1e-4"]
    assert main.main(["train", "--resume", str(tmp_path / "run"), *more, "--threads", "1"]) == 0
    saved = load_checkpoint(tmp_path / "run")
    assert saved["state"]["epoch"] == 2
    assert saved["architecture"]["input_size"] == [48, 24]
    assert main.main(["train", "--resume", str(tmp_path / "run")]) == 0
    saved = load_checkpoint(tmp_path / "run")
    assert saved["state"]["epoch"] == 3
    assert saved["architecture"]["input_size"] == [48, 24]


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        (["--embedding-dim", "48"], "--embedding-dim: RUN was trained with 24, got 48; leave"),
        (["--losses", "triplet"], "with ['softmax', 'triplet'], got ['triplet']; leave"),
        (["--margin", "0.3"], "--margin: RUN was trained with the default, got 0.3; leave"),
        (["--no-augmentation"], "--no-augmentation: RUN was trained with False, got True; leave"),
        (["--seed", "1"], "--seed: RUN was trained with 0, got 1; leave"),
    ],
)
def test_other_option_on_resume_is_rejected_in_one_line(
    dataset, tmp_path, capsys, option, expected
):
    first = tmp_path / "first"
    train(dataset, first, "--epochs", "1")
    capsys.readouterr()
    assert main.main(["train", "--resume", str(first), "--epochs", "2", *option]) == 2
    assert expected.replace("RUN", str(first)) in one_line(capsys)
    assert load_checkpoint(first)["state"]["epoch"] == 1


def test_other_identities_on_resume_are_rejected_in_one_line(dataset, tmp_path, capsys, caplog):
    train(dataset, tmp_path / "run", "--epochs", "1", "--split", "none")
    (dataset / "0000").rename(dataset / "new")
    capsys.readouterr()
    with caplog.at_level("CRITICAL"):
        assert main.main(["train", "--resume", str(tmp_path / "run"), "--epochs", "2"]) == 2
    assert "expected the 7 training identities of" in (output := one_line(capsys))
    assert "got others (0000 is missing)" in output


def test_moved_data_is_named_and_can_be_given(dataset, tmp_path, capsys):
    train(dataset, tmp_path / "run", "--epochs", "2", "--stop-after", "1")
    moved = dataset.rename(tmp_path / "moved")
    capsys.readouterr()
    assert main.main(["train", "--resume", str(tmp_path / "run")]) == 2
    assert f"{dataset}: expected a folder of images" in one_line(capsys)
    assert main.main(["train", str(moved), "--resume", str(tmp_path / "run")]) == 0


def test_training_without_data_is_rejected_in_one_line(capsys):
    assert main.main(["train"]) == 2
    assert "or --resume RUN to continue a run" in one_line(capsys)


def test_damaged_config_on_resume_is_rejected_in_one_line(dataset, tmp_path, capsys):
    train(dataset, tmp_path / "run", "--epochs", "1")
    for text, expected in (("{", "1: expected JSON"), ("{}", " expected the options of a run")):
        (tmp_path / "run" / "config.json").write_text(text)
        capsys.readouterr()
        assert main.main(["train", "--resume", str(tmp_path / "run")]) == 2
        assert f"config.json:{expected}" in one_line(capsys)
