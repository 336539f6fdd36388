"""Crop people from labelled video, train an embedder, evaluate it on other people, export it.

python examples/train_embedder.py mot/TUD-Stadtmitte mot/TUD-Campus my-embedder --epochs 40
"""

import sys
from pathlib import Path

from deepsort_reid.cli.main import main as deepsort_reid


def run(*arguments):
    """Run one command of `deepsort-reid`; exit if it fails."""
    status = deepsort_reid([str(argument) for argument in arguments])
    if status:
        raise SystemExit(status)


def main(train_sequence, test_sequence, out, *options):
    """Train and evaluate on two MOT sequences with frames and ground truth, of different people."""
    out = Path(out)
    run("crop", train_sequence, "--out", out / "train", "--noise-occlusion")
    run("crop", test_sequence, "--out", out / "test")
    run(
        "train", out / "train", "--out", out / "run",
        "--backbone", "osnet_x0_25", "--embedding-dim", 128,
        # Few people: small batches; one person in five, and at least two, are kept for validation.
        "--identities-per-batch", 8, "--images-per-identity", 4, "--split", "identity", *options,
    )  # fmt: skip
    run(
        "eval-reid", out / "test", "--embedder", out / "run", "--out", out / "report",
        # Neighbouring frames show nearly the same image, which any embedder matches.
        "--min-frame-gap", 10,
    )  # fmt: skip
    run("export", out / "run", "--crops", out / "test", "--out", out / "embedder.onnx")
    return out / "embedder.onnx"


if __name__ == "__main__":
    print(main(*sys.argv[1:]))
