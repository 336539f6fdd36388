"""Distributed training: devices, and equality with a single process."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import torch

from deepsort_reid.reid.training.distributed import init_distributed

ROOT = Path(__file__).resolve().parents[3]

# Run in one process, and by torchrun in two; identities differ in colour, the rest is noise.
SCRIPT = """
import json, sys
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import nn

from deepsort_reid.reid.training.losses import CombinedLoss, LabelSmoothingCrossEntropy
from deepsort_reid.reid.models.reid_model import Head, ReidModel
from deepsort_reid.reid.training.distributed import init_distributed, shutdown_distributed
from deepsort_reid.reid.training.schedules import flat_cosine
from deepsort_reid.reid.training.train import TrainConfig, train

torch.set_num_threads(1)
world = init_distributed("cpu")
rng = np.random.default_rng(0)
identity = np.repeat(np.arange(8), 4)
colours = rng.integers(0, 155, (8, 1, 1, 3))
images = rng.integers(0, 100, (32, 16, 8, 3)) + colours[identity]
# Each process starts from other weights; those of the main process must be used.
torch.manual_seed(world.rank)
backbone = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.ReLU())
history = train(
    ReidModel(backbone, Head(8, 12)),
    CombinedLoss([(1.0, LabelSmoothingCrossEntropy(12, 8))], triplet=1.0),
    images.astype(np.uint8),
    identity,
    Path(sys.argv[1]),
    optimizer=partial(torch.optim.SGD, lr=0.05, momentum=0.9),
    schedule=flat_cosine(10),
    config=TrainConfig(
        epochs=3, identities_per_batch=4, images_per_identity=4, ema_decay=0.5, validate_every=1
    ),
    description={"architecture": {}},
    validate=lambda model: {"mAP": 0.1 + world.rank},
    world=world,
)
assert [row["mAP"] for row in history] == [0.1, 0.1, 0.1]
shutdown_distributed(world)
"""


def start(command, folder):
    script = folder.parent / "script.py"
    script.write_text(textwrap.dedent(SCRIPT))
    result = subprocess.run(
        [*command, str(script), str(folder)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert result.returncode == 0, result.stderr[-2000:]
    return torch.load(folder / "last.pt", weights_only=True)


@pytest.mark.parametrize("name", ["cuda", "cuda:0", "abacus"])
def test_unavailable_device_is_rejected_in_one_line(name, monkeypatch):
    def no_driver(*size, device):
        raise RuntimeError("Found no NVIDIA driver on your system.\nMore lines.")

    monkeypatch.setattr(torch, "empty", no_driver)
    with pytest.raises(
        ValueError, match=rf"^device '{name}' is not available \(.*\); use cpu"
    ) as e:
        init_distributed(name)
    assert "\n" not in str(e.value)


@pytest.mark.slow
def test_two_processes_equal_one_with_the_whole_batch(tmp_path):
    one = start([sys.executable], tmp_path / "one")
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    two = start([sys.executable, *launch], tmp_path / "two")
    assert [row["loss"] for row in two["state"]["history"]] == pytest.approx(
        [row["loss"] for row in one["state"]["history"]], rel=1e-4
    )
    for part in ("model", "ema", "criterion"):
        for key, value in one[part].items():
            assert torch.allclose(two[part][key].float(), value.float(), atol=1e-4), key
