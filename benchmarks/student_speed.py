"""Measure crops per second of candidate students of a distillation, in float32 and in int8.

python -m benchmarks.student_speed [FILE.onnx ...]

The networks have random weights: the speed does not depend on them. The int8 networks come from
static quantisation by onnxruntime with calibration crops of Market-1501's training set. For FILEs,
by default the embedder of the package, the cosine between int8 and float32 is measured on crops of
other identities of that set. The networks take turns batch by batch, so that other work on the
machine slows all of them equally; processor time does not count the time that it takes.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.lib import cli_options, inputs, provenance
from benchmarks.lib.quantization import cosine_between, open_session, quantize, split_crops
from deepsort_reid.reid.data.datasets import read_market1501
from deepsort_reid.vision.embedder import shipped_embedder_path

# Backbone, height, width of the input.
STUDENTS = (
    ("compact", 128, 64),
    ("compact", 160, 80),
    ("compact", 192, 96),
    ("osnet_x0_25", 128, 64),
    ("osnet_x0_5", 128, 64),
    ("mobilenet_v3_small", 128, 64),
)
EMBEDDING_DIM = 384


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = cli_options.make_parser("student_speed", __doc__)
    parser.add_argument(
        "models", nargs="*", type=Path, help="ONNX files (default: the embedder of the package)"
    )
    cli_options.add_data(parser)
    cli_options.add_number(parser, "--batch", 32, "crops per batch")
    cli_options.add_number(parser, "--rounds", 15, "measured batches of each network")
    parser.add_argument("--cpu", type=int, help="processor to run on (default: any)")
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="keep the int8 files here (default: not kept)"
    )
    parser.add_argument(
        "--files-only", action="store_true", help="measure the FILEs only (default: students, too)"
    )
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Print one line for each network: crops per second in both formats, and the cosine."""
    args = make_parser().parse_args(argv)
    data = inputs.data_folder(args.data) / "reid" / "Market-1501-v15.09.15" / "bounding_box_train"
    calibration, test = split_crops(read_market1501(data))
    print(provenance.environment_line("onnxruntime", "torch", "numpy"), flush=True)
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.out or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        networks = {path.name: path for path in args.models or [shipped_embedder_path()]}
        cosines = {}
        for name, path in list(networks.items()):
            networks[f"{name} int8"] = quantize(path, folder / f"{name}.int8.onnx", calibration)
            cosines[name] = cosine_between(path, networks[f"{name} int8"], test)
        for backbone, height, width in () if args.files_only else STUDENTS:
            name = f"{backbone} {height}x{width}"
            networks[name] = export_student(backbone, (height, width), folder / f"{name}.onnx")
            int8 = quantize(networks[name], folder / f"{name}.int8.onnx", calibration)
            networks[f"{name} int8"] = int8
            print(f"quantised {name}", flush=True)
        if args.cpu is not None:
            os.sched_setaffinity(0, {args.cpu})
        rates = measure(list(networks.values()), args.batch, args.rounds)
        report(networks, rates, cosines, args.batch)


def export_student(backbone: str, size: tuple[int, int], path: Path) -> Path:
    """Export a network with random weights."""
    from deepsort_reid.reid.export import export_onnx
    from deepsort_reid.reid.training.checkpoint import build_model

    architecture = {"backbone": backbone, "embedding_dim": EMBEDDING_DIM}
    model = build_model({**architecture, "pooling": "average", "parts": 0}).eval()
    crops = np.random.default_rng(0).integers(0, 256, (4, *size, 3), np.uint8)
    export_onnx(model, path, crops, {}, half_weights=False)
    return path


def measure(paths: Sequence[Path], batch: int, rounds: int) -> NDArray[np.float64]:
    """Return crops per second of processor time (len(paths), rounds); networks take turns."""
    sessions = [open_session(path) for path in paths]
    rng = np.random.default_rng(0)
    feeds = []
    for session in sessions:
        taken = session.get_inputs()[0]
        images = rng.uniform(0, 255, (batch, *taken.shape[1:])).astype(np.float32)
        feeds.append({taken.name: images})
    rates = np.empty((len(paths), rounds))
    for number in range(-2, rounds):  # two rounds do not count
        for row, (session, feed) in enumerate(zip(sessions, feeds, strict=True)):
            start = time.process_time()
            session.run(None, feed)
            if number >= 0:
                rates[row, number] = batch / (time.process_time() - start)
    return rates


def report(
    networks: dict[str, Path],
    rates: NDArray[np.float64],
    cosines: dict[str, NDArray[np.float32]],
    batch: int,
) -> None:
    """Print the table."""
    median = dict(zip(networks, np.median(rates, 1), strict=True))
    print(f"batch {batch}, one thread, median of {rates.shape[1]} rounds")
    print(f"{'crops/s of processor time':<28}{'MB':>6}{'float32':>9}{'int8':>8}"
          f"{'cosine: mean':>14}{'lowest':>8}")  # fmt: skip
    for name, path in networks.items():
        if name.endswith(" int8"):
            continue
        line = f"{name:<28}{path.stat().st_size / 1e6:>6.1f}{median[name]:>9,.0f}"
        line += f"{median[f'{name} int8']:>8,.0f}"
        if name in cosines:
            line += f"{cosines[name].mean():>14.4f}{cosines[name].min():>8.4f}"
        print(line)


if __name__ == "__main__":
    main()
