"""Measure crops per second: the network alone, and `Embedder` from BGR crops to unit rows."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import onnxruntime

from benchmarks.lib import cli_options, provenance
from deepsort_reid import Embedder


def main(argv: Sequence[str] | None = None) -> None:
    """Print best and median over the rounds for each file; they differ on a busy machine."""
    parser = cli_options.make_parser("embedder_speed", __doc__)
    parser.add_argument(
        "models", nargs="*", type=Path, help="ONNX files (default: the embedder of the package)"
    )
    cli_options.add_number(parser, "--batch", 32, "crops per batch")
    cli_options.add_number(parser, "--threads", 2, "CPU threads")
    cli_options.add_number(parser, "--rounds", 60, "measured batches")
    args = parser.parse_args(argv)
    cv2.setNumThreads(args.threads)
    print(provenance.environment_line("onnxruntime", "numpy", "opencv-python"))
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
    model_input = session.get_inputs()[0]
    # Some files have a fixed batch size.
    size = model_input.shape[0] if isinstance(model_input.shape[0], int) else batch
    images = rng.uniform(0, 255, (size, 3, height, width)).astype(np.float32)
    # Typical size of the box of a pedestrian.
    crops = [rng.integers(0, 256, (200, 80, 3), np.uint8) for _ in range(batch)]
    network = _rates(lambda: session.run(None, {model_input.name: images}), size, rounds)
    embedding = _rates(lambda: embedder.embed_crops(crops), batch, rounds)
    return (
        f"{path.name[:27]:<28}{f'{height}x{width}':>9}{path.stat().st_size / 1e6:>6.1f}"
        f"{network.max():>15,.0f}{np.median(network):>8,.0f}{embedding.max():>16,.0f}"
        f"{np.median(embedding):>8,.0f}"
    )


def _rates(work: Callable[[], object], count: int, rounds: int) -> np.ndarray:
    """Return crops per second of each round, after three rounds that do not count."""
    rates = []
    for _ in range(rounds + 3):
        start = time.perf_counter()
        work()
        rates.append(count / (time.perf_counter() - start))
    return np.array(rates[3:])


if __name__ == "__main__":
    main()
