"""Train the embedder compact-384 from random weights on Market-1501, and export it.

python -m benchmarks.train_embedder ../shared/data/reid/Market-1501-v15.09.15 --out runs/market1501

Two processes of one thread each: first on small images at a constant learning rate, then on full
images while the rate decays to zero. No test image is read; `python -m benchmarks.market1501 FILE`
gives the test scores. After an interruption, the same command continues after the last finished
epoch.
"""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.lib import cli_options, provenance
from deepsort_reid.reid.training.checkpoint import load_checkpoint


class Phase(NamedTuple):
    """Consecutive epochs with one image size and one schedule of the learning rate."""

    size: tuple[int, int]  # height, width
    learning_rate: float
    decay_from: int  # epoch; the rate is constant before it
    decay_to: int  # epoch at which the rate is zero
    end: int  # last epoch of the phase


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

TRAINING_DATA = "Market-1501 bounding_box_train, 12,936 images of 751 identities"
LICENCE = "Apache-2.0 for the file; Market-1501 is for research only"


def main(argv: Sequence[str] | None = None) -> None:
    """Train the phases that are not finished, then write `embedder.onnx` to the run folder."""
    parser = cli_options.make_parser("train_embedder", __doc__)
    parser.add_argument("data", type=Path, help="folder Market-1501-v15.09.15")
    parser.add_argument("--out", type=Path, required=True, help="run folder; resumed if it exists")
    cli_options.add_number(parser, "--processes", 2, "training processes; a divisor of 16")
    args = parser.parse_args(argv)
    print(provenance.environment_line("torch", "torchvision", "numpy"))
    for phase in PHASES:
        done = finished_epochs(args.out)
        if done < phase.end:
            train(args.data, args.out, phase, args.processes, resume=done > 0)
    export = ("export", args.out, "--crops", args.data, "--out", args.out / "embedder.onnx")
    texts = ("--name", "compact-384", "--training-data", TRAINING_DATA, "--licence", LICENCE)
    run_command([sys.executable, "-m", "deepsort_reid", *export, *texts])


def finished_epochs(run: Path) -> int:
    """Return the number of finished epochs of a run folder; 0 without a checkpoint."""
    if not (run / "last.pt").is_file():
        return 0
    return int(load_checkpoint(run)["state"]["epoch"])


def train(data: Path, run: Path, phase: Phase, processes: int, *, resume: bool) -> None:
    """Train one phase, or the rest of it."""
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", processes]
    what = ["train", data, "--out", run, *NETWORK, *RECIPE, "--size", *phase.size]
    what += [
        "--lr",
        phase.learning_rate,
        "--decay-from",
        phase.decay_from,
        "--epochs",
        phase.decay_to,
    ]
    what += ["--stop-after", phase.end, "--threads", 1]
    if resume:
        what += ["--resume", run]
    run_command([sys.executable, *launch, "-m", "deepsort_reid", *what])


def run_command(words: Sequence[object]) -> None:
    """Run a command; raise CalledProcessError when it fails."""
    subprocess.run([str(word) for word in words], check=True)


if __name__ == "__main__":
    main()
