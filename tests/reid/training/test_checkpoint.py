"""Checkpoints: loading, and rejection of damaged and mismatched files."""

import pytest
import torch
from torch import nn

from deepsort_reid.reid.training.checkpoint import (
    build_model,
    load_checkpoint,
    load_model,
    load_state,
)

ARCHITECTURE = {
    "backbone": "osnet_x0_25",
    "embedding_dim": 24,
    "pooling": "gem",
    "parts": 2,
    "input_size": [64, 32],
}


def write_checkpoint(path, **changes):
    model = build_model(ARCHITECTURE)
    state = {
        "format": 1,
        "architecture": ARCHITECTURE,
        "model": model.state_dict(),
        "ema": model.state_dict(),
        "state": {"epoch": 3},
    }
    torch.save({**state, **changes}, path)
    return model


def test_load_model_returns_the_averaged_weights(tmp_path):
    average = build_model(ARCHITECTURE)
    model = write_checkpoint(tmp_path / "best.pt", ema=average.state_dict())
    image = torch.rand(2, 3, 64, 32) * 255
    loaded, state = load_model(tmp_path / "best.pt")
    assert torch.equal(loaded.embed(image), average.eval().embed(image))
    assert not torch.equal(loaded.embed(image), model.eval().embed(image))
    assert state["state"]["epoch"] == 3


def test_run_folder_prefers_the_best_checkpoint(tmp_path):
    write_checkpoint(tmp_path / "last.pt")
    assert load_model(tmp_path)[1]["state"]["epoch"] == 3
    write_checkpoint(tmp_path / "best.pt", state={"epoch": 2})
    assert load_model(tmp_path)[1]["state"]["epoch"] == 2
    assert load_checkpoint(tmp_path)["state"]["epoch"] == 3


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04broken"])
def test_damaged_checkpoint_is_rejected_in_one_line(tmp_path, content):
    (tmp_path / "last.pt").write_bytes(content)
    with pytest.raises(ValueError, match=r"last\.pt: damaged or not a checkpoint") as caught:
        load_checkpoint(tmp_path)
    assert "\n" not in str(caught.value)


def test_truncated_checkpoint_is_rejected_in_one_line(tmp_path):
    write_checkpoint(tmp_path / "last.pt")
    data = (tmp_path / "last.pt").read_bytes()
    (tmp_path / "last.pt").write_bytes(data[: len(data) // 2])
    with pytest.raises(ValueError, match="damaged or not a checkpoint") as caught:
        load_checkpoint(tmp_path)
    assert "\n" not in str(caught.value)


def test_plain_state_dict_is_rejected(tmp_path):
    torch.save(nn.Linear(2, 2).state_dict(), tmp_path / "other.pt")
    with pytest.raises(ValueError, match="not a checkpoint of `deepsort-reid train`"):
        load_checkpoint(tmp_path / "other.pt")


def test_missing_checkpoint_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"last\.pt: no such checkpoint"):
        load_checkpoint(tmp_path)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"embedding_dim": 48}, "shape of head.linear"),
        ({"parts": 0}, "unexpected head.linear"),
        ({"pooling": "average"}, "unexpected head.pooling.p"),
        ({"backbone": "compact"}, "missing backbone"),
    ],
)
def test_weights_of_another_architecture_are_rejected_in_one_line(change, reason):
    model = build_model({**ARCHITECTURE, **change})
    with pytest.raises(ValueError, match=f"last.pt: another architecture .*{reason}") as caught:
        load_state(model, build_model(ARCHITECTURE).state_dict(), "last.pt")
    assert "\n" not in str(caught.value)


def test_unknown_backbone_is_rejected_with_the_known_ones():
    with pytest.raises(
        ValueError, match=r"backbone: expected one of compact, os.*, got 'resnet51'"
    ):
        build_model({**ARCHITECTURE, "backbone": "resnet51"})
