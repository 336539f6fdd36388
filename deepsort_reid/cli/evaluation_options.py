"""What `evaluate` and `compare` share: which files, under which rules, with a bar, and out."""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from deepsort_reid.cli.progress import progress_bar
from deepsort_reid.metrics.protocol import ScoringRules
from deepsort_reid.metrics.sequences import SequenceFiles, map_sequences, pair_files

Result = TypeVar("Result")

# A process takes a second to start; files below this many bytes are scored sooner than that.
WORTH_A_PROCESS = 5_000_000


def rules_of(args: argparse.Namespace) -> ScoringRules:
    """The rules that the arguments ask for."""
    return ScoringRules(
        protocol=args.protocol,
        classes=_numbers(args.classes, "--classes"),
        ignore_classes=_numbers(args.ignore_classes, "--ignore-classes") or (),
    )


def pairs_of(args: argparse.Namespace, predicted: Path) -> list[SequenceFiles]:
    """The sequences to score; what is left out is said on stderr."""
    pairs, left_out = pair_files(args.gt, predicted, allow_missing=args.allow_missing)
    for note in left_out:
        print(f"left out: {note}", file=sys.stderr)
    return pairs


def for_each_sequence(
    work: Callable[[SequenceFiles], Result], pairs: list[SequenceFiles], args: argparse.Namespace
) -> list[Result]:
    """Do `work` on every pair, several at a time where that pays, behind a progress bar."""
    if args.processes is not None and args.processes < 1:
        raise ValueError(f"--processes is 1 or more: got {args.processes}")
    size = sum(pair.truth.stat().st_size + pair.predicted.stat().st_size for pair in pairs)
    sensible = (os.cpu_count() or 1) if size > WORTH_A_PROCESS else 1
    done = map_sequences(work, pairs, args.processes or sensible)
    quiet = args.quiet or len(pairs) == 1
    return list(progress_bar(done, len(pairs), quiet=quiet, unit="sequence", keep=False))


def _numbers(text: str | None, argument: str) -> tuple[int, ...] | None:
    if text is None:
        return None
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise ValueError(f"{argument}: expected numbers such as 1,3, got {text!r}") from None
