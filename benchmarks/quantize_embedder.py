"""Make the int8 file of the embedder of the package from its float32 file.

python -m benchmarks.quantize_embedder [--data DIR]

Calibration crops are of Market-1501's training set. The cosine to the float32 file is printed for
crops of other people of that set. Run it whenever the float32 file is replaced.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.lib import cli_options, inputs, provenance
from benchmarks.lib.quantization import cosine_between, quantize, split_crops
from deepsort_reid.reid.data.datasets import read_market1501
from deepsort_reid.vision.embedder import shipped_embedder_path


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = cli_options.make_parser("quantize_embedder", __doc__)
    cli_options.add_data(parser)
    parser.add_argument(
        "--source",
        type=Path,
        metavar="ONNX",
        help="float32 embedder (default: the one of the package)",
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="ONNX",
        help="int8 file to write (default: that of the package)",
    )
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Write the file and print its size and its cosine to the float32 file."""
    args = make_parser().parse_args(argv)
    data = inputs.data_folder(args.data) / "reid" / "Market-1501-v15.09.15" / "bounding_box_train"
    calibration, test = split_crops(read_market1501(data))
    print(provenance.environment_line("onnxruntime", "onnx", "numpy"))
    source = args.source or shipped_embedder_path("float32")
    target = quantize(source, args.out or shipped_embedder_path("int8"), calibration)
    cosine = cosine_between(source, target, test)
    print(f"{target}: {target.stat().st_size / 1e6:.2f} MB")
    print(
        f"cosine to {source.name} on {len(test)} crops: mean {cosine.mean():.4f}, lowest 1 % "
        f"{np.quantile(cosine, 0.01):.4f}, lowest {cosine.min():.4f}"
    )


if __name__ == "__main__":
    main()
