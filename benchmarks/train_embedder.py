"""Train the shipped embedder from nothing on the training people of Market-1501, and export it.

python -m benchmarks.train_embedder ../shared/data/reid/Market-1501-v15.09.15 --out runs/market1501

Two processes of one thread each. The first epochs see small pictures at a constant rate, the last
ones the full size while the rate falls to zero. No test picture is read, and nothing is chosen by
test scores; those are printed by `deepsort-reid eval-reid DATA --embedder FILE --no-report`.
Stopped and started again, it goes on after the last finished epoch.
"""

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks import provenance
from deepsort_reid.reid.checkpoint import load_checkpoint

SMALL_EPOCHS = 48  # at 96x48, constant rate
EPOCHS = 82  # in all; the others at 128x64, falling rate

NETWORK = ("--backbone", "compact", "--embedding-width", "384", "--stripes", "2")
RECIPE = (
    *("--losses", "softmax", "triplet", "--smoothing", "0.1"),
    *("--people", "16", "--images-each", "4"),
    *("--optimizer", "adamw", "--rate", "2e-3", "--weight-decay", "0.05"),
    *("--schedule", "flat-cosine", "--warm-up", "2", "--decay-from", str(SMALL_EPOCHS)),
    *("--average-decay", "0.999", "--precision", "bfloat16", "--local-norms"),
    *("--split", "none", "--seed", "0"),
)


def main(argv: Sequence[str] | None = None) -> None:
    """Train both phases where they are not done yet, then write `embedder.onnx` into the run."""
    name = "python -m benchmarks.train_embedder"
    parser = argparse.ArgumentParser(prog=name, description=__doc__)
    parser.add_argument("data", type=Path, help="Market-1501-v15.09.15")
    parser.add_argument("--out", type=Path, required=True, help="run folder")
    parser.add_argument("--processes", type=int, default=2, help="they divide 16 people a batch")
    args = parser.parse_args(argv)
    print(provenance.line("torch", "torchvision", "numpy"))
    for size, end in (((96, 48), SMALL_EPOCHS), ((128, 64), EPOCHS)):
        done = finished_epochs(args.out)
        if done < end:
            train(args.data, args.out, size, end, args.processes, resume=done > 0)
    export = ("export", args.out, "--crops", args.data, "--out", args.out / "embedder.onnx")
    texts = ("--name", "compact-384", "--training-data", "Market-1501 bounding_box_train")
    command([sys.executable, "-m", "deepsort_reid", *export, *texts])


def finished_epochs(run: Path) -> int:
    """Of the checkpoint in the run folder; 0 without one."""
    if not (run / "last.pt").is_file():
        return 0
    return int(load_checkpoint(run)["state"]["epoch"])


def train(
    data: Path, run: Path, size: tuple[int, int], end: int, processes: int, *, resume: bool
) -> None:
    """Up to epoch `end` on pictures of `size` (height, width)."""
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", processes]
    # The decay of the recipe starts where the first phase ends, so that phase need not know more.
    what = ["train", data, "--out", run, *NETWORK, *RECIPE, "--size", *size, "--epochs", EPOCHS]
    what += ["--stop-after", end, "--threads", 1]
    if resume:
        what += ["--resume", run]
    command([sys.executable, *launch, "-m", "deepsort_reid", *what])


def command(words: Sequence[object]) -> None:
    """Run it; its failure ends the script."""
    subprocess.run([str(word) for word in words], check=True)


if __name__ == "__main__":
    main()
