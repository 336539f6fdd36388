"""Crops per second of embedders: the bare network, and `Embedder` from BGR crops to unit rows."""

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import onnxruntime

from benchmarks.lib import provenance
from deepsort_reid import Embedder


def main(argv: Sequence[str] | None = None) -> None:
    """Print one line per file: best and median of the rounds, so that a busy machine shows."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.embedder_speed", description=__doc__
    )
    parser.add_argument("models", nargs="*", type=Path, help="ONNX files (default: ours)")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=60)
    args = parser.parse_args(argv)
    cv2.setNumThreads(args.threads)
    print(provenance.line("onnxruntime", "numpy", "opencv-python"))
    print(f"batch {args.batch}, {args.threads} threads, crops/s over {args.rounds} rounds")
    print(f"{'':<28}{'input':>9}{'MB':>6}{'network: best':>15}{'median':>8}{'Embedder: best':>16}"
          f"{'median':>8}")  # fmt: skip
    for model in args.models or [None]:
        print(_line(model, args.batch, args.threads, args.rounds))


def _line(model: Path | None, batch: int, threads: int, rounds: int) -> str:
    embedder = Embedder(model, batch_size=batch, threads=threads)
    path = model or Path(__file__).parents[1] / "deepsort_reid" / "vision" / embedder.name
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    height, width = embedder.input_size
    rng = np.random.default_rng(0)
    given = session.get_inputs()[0]
    at_once = given.shape[0] if isinstance(given.shape[0], int) else batch  # some files fix it
    images = rng.uniform(0, 255, (at_once, 3, height, width)).astype(np.float32)
    # Crops of a person 200 pixels high, as a detector cuts them out.
    crops = [rng.integers(0, 256, (200, 80, 3), np.uint8) for _ in range(batch)]
    bare = _rates(lambda: session.run(None, {given.name: images}), at_once, rounds)
    whole = _rates(lambda: embedder.embed_crops(crops), batch, rounds)
    return (
        f"{path.name[:27]:<28}{f'{height}x{width}':>9}{path.stat().st_size / 1e6:>6.1f}"
        f"{bare.max():>15,.0f}{np.median(bare):>8,.0f}{whole.max():>16,.0f}"
        f"{np.median(whole):>8,.0f}"
    )


def _rates(work: Callable[[], object], count: int, rounds: int) -> np.ndarray:
    """Crops per second of each round, after three to warm up."""
    rates = []
    for _ in range(rounds + 3):
        start = time.perf_counter()
        work()
        rates.append(count / (time.perf_counter() - start))
    return np.array(rates[3:])


if __name__ == "__main__":
    main()
