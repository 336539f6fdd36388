"""Command-line options that several scripts share."""

import argparse
import tempfile
from pathlib import Path

from benchmarks.lib.inputs import GROUPS


def make_parser(script: str, docstring: str) -> argparse.ArgumentParser:
    """Return a parser for `python -m benchmarks.SCRIPT`.

    The first line of the docstring describes it.
    """
    return argparse.ArgumentParser(
        prog=f"python -m benchmarks.{script}", description=docstring.splitlines()[0]
    )


def add_data(parser: argparse.ArgumentParser) -> None:
    """Add --data, for `inputs.data_folder` or `inputs.data_root`."""
    parser.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        help="data folder (default: DEEPSORT_REID_DATA, else ../shared/data)",
    )


def add_groups(parser: argparse.ArgumentParser) -> None:
    """Add --group and --data."""
    parser.add_argument(
        "--group",
        choices=GROUPS,
        action="append",
        help="group of sequences; may be given several times (default: all four)",
    )
    add_data(parser)


def add_sequences(parser: argparse.ArgumentParser) -> None:
    """Add --sequences."""
    parser.add_argument(
        "--sequences",
        action="store_true",
        help="print a row for each sequence, too (default: only combined rows)",
    )


def add_embedder(parser: argparse.ArgumentParser) -> None:
    """Add --embedder, by default the embedder of the package."""
    parser.add_argument(
        "--embedder", type=Path, metavar="ONNX", help="embedder (default: the one of the package)"
    )


def add_input_embedder(parser: argparse.ArgumentParser) -> None:
    """Add --embedder, by default the stored embeddings of the inputs, and --cache."""
    parser.add_argument(
        "--embedder",
        type=Path,
        metavar="ONNX",
        help="compute embeddings with this model for the groups with frames "
        "(default: stored embeddings of OSNet x0.25)",
    )
    add_cache(parser)


def add_cache(parser: argparse.ArgumentParser) -> None:
    """Add --cache."""
    parser.add_argument(
        "--cache",
        type=Path,
        default=Path(tempfile.gettempdir()) / "deepsort_reid-embeddings",
        metavar="DIR",
        help="folder of computed embeddings (default: %(default)s)",
    )


def add_image_file(parser: argparse.ArgumentParser, default: str) -> None:
    """Add --out, an image file."""
    parser.add_argument(
        "--out",
        type=Path,
        default=Path(default),
        metavar="FILE",
        help="image file to write (default: %(default)s)",
    )


def add_number(
    parser: argparse.ArgumentParser, name: str, default: int, meaning: str, **options: str
) -> None:
    """Add an integer option; its help is `meaning` and the default."""
    parser.add_argument(
        name, type=int, default=default, help=f"{meaning} (default: %(default)s)", **options
    )
