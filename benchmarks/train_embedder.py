"""Train the shipped embedder from nothing on the training people of Market-1501, and export it.

python -m benchmarks.train_embedder ../shared/data/reid/Market-1501-v15.09.15 --out runs/market1501

Two processes of one thread each. First small pictures at a constant rate, then the full size while
the rate falls to zero. No test picture is read; the test scores come from
`python -m benchmarks.market1501 FILE`.
Stopped and started again, it goes on after the last finished epoch.
"""

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.lib import provenance
from deepsort_reid.reid.training.checkpoint import load_checkpoint


class Phase(NamedTuple):
    """Epochs in a row with the same size and one course of the learning rate."""

    size: tuple[int, int]  # height, width
    rate: float
    decay_from: int  # epoch; before it the rate is constant
    decay_to: int  # epoch at which it is zero
    end: int  # the phase's last epoch


PHASES = (
    Phase((96, 48), 2e-3, 48, 80, 48),
    Phase((160, 80), 2e-3, 48, 80, 80),
)
NETWORK = ("--backbone", "compact", "--embedding-dim", "384", "--parts", "2")
RECIPE = (
    *("--losses", "softmax", "triplet", "--label-smoothing", "0.1"),
    *("--identities-per-batch", "16", "--images-per-identity", "4"),
    *("--optimizer", "adamw", "--weight-decay", "0.05"),
    *("--schedule", "flat-cosine", "--warmup-epochs", "2"),
    *("--ema-decay", "0.999", "--precision", "bfloat16", "--no-sync-bn"),
    *("--split", "none", "--seed", "0"),
)

TRAINING_DATA = "Market-1501 bounding_box_train, 12,936 pictures of 751 people"
LICENCE = "Apache-2.0 for the file; Market-1501 is for research only"


def main(argv: Sequence[str] | None = None) -> None:
    """Train what is not done yet, then write `embedder.onnx` into the run."""
    name = "python -m benchmarks.train_embedder"
    parser = argparse.ArgumentParser(prog=name, description=__doc__)
    parser.add_argument("data", type=Path, help="Market-1501-v15.09.15")
    parser.add_argument("--out", type=Path, required=True, help="run folder")
    parser.add_argument("--processes", type=int, default=2, help="they divide 16 people a batch")
    args = parser.parse_args(argv)
    print(provenance.line("torch", "torchvision", "numpy"))
    for phase in PHASES:
        done = finished_epochs(args.out)
        if done < phase.end:
            train(args.data, args.out, phase, args.processes, resume=done > 0)
    export = ("export", args.out, "--crops", args.data, "--out", args.out / "embedder.onnx")
    texts = ("--name", "compact-384", "--training-data", TRAINING_DATA, "--licence", LICENCE)
    command([sys.executable, "-m", "deepsort_reid", *export, *texts])


def finished_epochs(run: Path) -> int:
    """Of the checkpoint in the run folder; 0 without one."""
    if not (run / "last.pt").is_file():
        return 0
    return int(load_checkpoint(run)["state"]["epoch"])


def train(data: Path, run: Path, phase: Phase, processes: int, *, resume: bool) -> None:
    """One phase, or what is left of it."""
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", processes]
    what = ["train", data, "--out", run, *NETWORK, *RECIPE, "--size", *phase.size]
    what += ["--lr", phase.rate, "--decay-from", phase.decay_from, "--epochs", phase.decay_to]
    what += ["--stop-after", phase.end, "--threads", 1]
    if resume:
        what += ["--resume", run]
    command([sys.executable, *launch, "-m", "deepsort_reid", *what])


def command(words: Sequence[object]) -> None:
    """Run it; its failure ends the script."""
    subprocess.run([str(word) for word in words], check=True)


if __name__ == "__main__":
    main()
