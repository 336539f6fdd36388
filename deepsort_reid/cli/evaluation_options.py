"""Command-line options and sequence loop shared by `evaluate` and `compare`."""

import argparse
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from deepsort_reid.cli.progress import progress_bar
from deepsort_reid.cli.sequence_options import Failures, add_selection_arguments

if TYPE_CHECKING:
    from deepsort_reid.metrics.protocol import ScoringRules
    from deepsort_reid.metrics.sequences import SequenceFiles

Result = TypeVar("Result")

# Smaller inputs (bytes) are scored in less time than the start of a process takes, about a second.
MIN_PARALLEL_BYTES = 5_000_000

GT_HELP = (
    "ground truth: a file, a sequence folder, a folder with SEQ/gt/gt.txt, SEQ/gt.txt or SEQ.txt, "
    "or a folder of TrackEval"
)


def add_scoring_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that select the scored boxes and sequences."""
    parser.add_argument(
        "--protocol",
        choices=("auto", "mot16", "mot20", "plain"),
        default="auto",
        help="rules of scoring: mot16 (also MOT17) and mot20 score pedestrians and ignore "
        "distractors, plain scores every box, auto chooses by the classes of the ground truth "
        "(default: auto)",
    )
    parser.add_argument(
        "--classes",
        metavar="CLASSES",
        help="score only these classes, such as 1,3; protocol plain (default: all classes)",
    )
    parser.add_argument(
        "--ignore-classes",
        metavar="CLASSES",
        help="ground-truth boxes of these classes, such as 13, are ignore regions: they are not "
        "scored, nor are unmatched predictions inside; protocol plain (default: none)",
    )
    add_selection_arguments(parser)
    parser.add_argument(
        "--allow-missing",
        action="store_true",
        help="leave out sequences without ground truth or without predictions (default: refuse)",
    )
    parser.add_argument(
        "--processes",
        type=int,
        metavar="N",
        help="number of sequences scored at the same time "
        "(default: one per CPU core, 1 for files below 5 MB in total)",
    )
    parser.add_argument("--quiet", action="store_true", help="show no progress bar and no notes")


def scoring_rules(args: argparse.Namespace) -> "ScoringRules":
    """The rules given by the arguments. Raises ValueError for invalid ones."""
    from deepsort_reid.metrics.protocol import ScoringRules

    return ScoringRules(
        protocol=args.protocol,
        classes=_class_ids(args.classes, "--classes"),
        ignore_classes=_class_ids(args.ignore_classes, "--ignore-classes") or (),
    )


def paired_files(args: argparse.Namespace, predicted: Path) -> "list[SequenceFiles]":
    """The files of the sequences to score. Sequences that are left out are named on stderr."""
    from deepsort_reid.metrics.sequences import pair_files

    sequences, missing = pair_files(
        args.gt,
        predicted,
        allow_missing=args.allow_missing,
        only=args.only,
        seqmap=args.seqmap,
    )
    for note in missing:
        print(f"left out: {note}", file=sys.stderr)
    return sequences


def tracker_name(predicted: Path) -> str:
    """The name of the tracker of a file or folder of results: TRACKER for TRACKER/data."""
    path = predicted.resolve()
    folder = path.parent if path.name == "data" else path
    return folder.name if folder.is_dir() else folder.stem


def for_each_sequence(
    function: "Callable[[SequenceFiles], Result]",
    sequences: "list[SequenceFiles]",
    args: argparse.Namespace,
    failures: Failures,
) -> list[Result]:
    """Apply `function` to every sequence, in parallel for large files, with a progress bar.

    A ValueError or OSError is noted in `failures`; there is no result for its sequence.
    """
    from deepsort_reid.metrics.sequences import map_sequences

    if args.processes is not None and args.processes < 1:
        raise ValueError(f"--processes: expected 1 or more, got {args.processes}")
    size = sum(each.truth.stat().st_size + each.predicted.stat().st_size for each in sequences)
    default = (os.cpu_count() or 1) if size > MIN_PARALLEL_BYTES else 1
    calls = map_sequences(_Call(function), sequences, args.processes or default)
    quiet = args.quiet or len(sequences) == 1
    results = []
    done = progress_bar(calls, len(sequences), quiet=quiet, unit="sequence", keep=False)
    for files, outcome in zip(sequences, done, strict=True):
        with failures.noted(files.name):
            if isinstance(outcome, OSError | ValueError):
                raise outcome
            results.append(outcome)
    return results


@dataclass(frozen=True)
class _Call(Generic[Result]):
    """Returns what a function returns, or its ValueError or OSError. A class: it can be pickled."""

    function: "Callable[[SequenceFiles], Result]"

    def __call__(self, files: "SequenceFiles") -> Result | OSError | ValueError:
        try:
            return self.function(files)
        except (OSError, ValueError) as error:
            return error


def _class_ids(text: str | None, argument: str) -> tuple[int, ...] | None:
    if text is None:
        return None
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise ValueError(f"{argument}: expected numbers such as 1,3, got {text!r}") from None
