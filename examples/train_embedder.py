"""Crop people out of labelled video, train an embedder on them, measure it on others, export it.

python examples/train_embedder.py mot/TUD-Stadtmitte mot/TUD-Campus my-embedder --epochs 40
"""

import sys
from pathlib import Path

from deepsort_reid.cli.main import main as deepsort_reid


def run(*arguments):
    """One command of `deepsort-reid`; its complaint, if any, ends the script."""
    status = deepsort_reid([str(argument) for argument in arguments])
    if status:
        raise SystemExit(status)


def main(learn_from, measure_on, out, *more):
    """Both are MOT sequences with frames and truth; nobody of `measure_on` is learned from."""
    out = Path(out)
    run("crop", learn_from, "--out", out / "learn", "--noise-occlusion")
    run("crop", measure_on, "--out", out / "measure")
    run(
        "train", out / "learn", "--out", out / "run",
        "--backbone", "osnet_x0_25", "--embedding-dim", 128,
        # Few people: small batches, each picture often; one person in five validates, two at least
        "--identities-per-batch", 8, "--images-per-identity", 4, "--split", "identity", *more,
    )  # fmt: skip
    run(
        "eval-reid", out / "measure", "--embedder", out / "run", "--out", out / "report",
        # Neighbouring frames show nearly the same image, which any embedder matches.
        "--min-frame-gap", 10,
    )  # fmt: skip
    run("export", out / "run", "--crops", out / "measure", "--out", out / "embedder.onnx")
    return out / "embedder.onnx"


if __name__ == "__main__":
    print(main(*sys.argv[1:]))
