"""`deepsort-reid compare`: differences between trackers, with bootstrap confidence intervals."""

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from deepsort_reid.cli.evaluation_options import (
    GT_HELP,
    add_scoring_arguments,
    for_each_sequence,
    paired_files,
    scoring_rules,
)

if TYPE_CHECKING:
    from deepsort_reid.metrics import ConfidenceInterval, MetricDifference
    from deepsort_reid.metrics.analysis.block_counts import Array

FEW_SEQUENCES = 6  # with fewer, an interval over sequences is too narrow


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("gt", type=Path, help=GT_HELP)
    parser.add_argument(
        "first", type=Path, help="results of the reference tracker: a file or a folder"
    )
    parser.add_argument(
        "other",
        type=Path,
        nargs="+",
        help="results of the trackers to compare with the reference, as for first",
    )
    add_scoring_arguments(parser)
    parser.add_argument(
        "--block-length",
        type=int,
        default=50,
        metavar="FRAMES",
        help="length of the blocks of consecutive frames that are resampled (default: 50)",
    )
    parser.add_argument(
        "--resamples",
        type=int,
        default=2000,
        metavar="N",
        help="number of bootstrap resamples (default: 2000)",
    )
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="seed of the resampling (default: 0)"
    )
    parser.add_argument(
        "--json",
        type=Path,
        metavar="FILE",
        help="write all numbers as JSON, unrounded (default: not written)",
    )


def run(args: argparse.Namespace) -> int:
    """Print a table for each of the other trackers against the first."""
    from deepsort_reid.io.atomic import write_atomically
    from deepsort_reid.metrics import bootstrap_differences

    for option, value in (("--block-length", args.block_length), ("--resamples", args.resamples)):
        if value < 1:
            raise ValueError(f"{option}: expected 1 or more, got {value}")
    (first, *others), protocols = _block_counts(args)
    print(
        f"protocol: {', '.join(protocols)}; {args.resamples} resamples, "
        f"blocks of {args.block_length} frames"
    )
    results = []
    for path, counts in zip(args.other, others, strict=True):
        differences = bootstrap_differences(
            first, counts, n_resamples=args.resamples, seed=args.seed
        )
        print(f"\n{path} minus {args.first}")
        print("\n".join(_table(differences)))
        results.append({"first": str(args.first), "second": str(path), **_as_json(differences)})
    if args.json:
        write_atomically(args.json, json.dumps(results, indent=1) + "\n")
    return 0


def _block_counts(args: argparse.Namespace) -> "tuple[list[dict[str, Array]], list[str]]":
    """The block counts of each tracker in the sequences that all have, and the protocols."""
    from deepsort_reid.metrics.analysis import ScoreBlocks

    score_blocks = ScoreBlocks(scoring_rules(args), args.block_length)
    by_tracker: list[dict[str, Array]] = []
    protocols: set[str] = set()
    for path in (args.first, *args.other):
        results = for_each_sequence(score_blocks, paired_files(args, path), args)
        by_tracker.append({name: counts for name, _, counts in results})
        protocols = {protocol for _, protocol, _ in results}
    common = [name for name in by_tracker[0] if all(name in each for each in by_tracker)]
    if not common:
        raise ValueError("no sequence has results of all trackers")
    if len(common) < max(map(len, by_tracker)):
        print(f"compared on the sequences of all trackers: {', '.join(common)}", file=sys.stderr)
    return [{name: each[name] for name in common} for each in by_tracker], sorted(protocols)


def _table(differences: "list[MetricDifference]") -> list[str]:
    """The lines of the table, and the sequences in which the change is conclusive or not."""
    head = f"{'':6}{'first':>9}{'second':>9}{'change':>9}"
    lines = [head + f"{'95 % over sequences':>24}{'95 % over blocks':>24}"]
    for each in differences:
        scale = 1.0 if each.name == "IDSW" else 100.0
        digits = 0 if each.name == "IDSW" else 2
        lines.append(
            f"{each.name:6}{scale * each.first:9.{digits}f}{scale * each.second:9.{digits}f}"
            f"{scale * each.change:+9.{digits}f}"
            f"{_interval(each.over_sequences, scale, digits):>24}"
            f"{_interval(each.over_blocks, scale, digits):>24}"
        )
    n_sequences = len(differences[0].sequences)
    if n_sequences == 1:
        lines.append("One sequence: no interval over sequences.")
    elif n_sequences < FEW_SEQUENCES:
        lines.append(f"Only {n_sequences} sequences: the intervals over sequences are too narrow.")
    if n_sequences > 1:
        lines += [line for each in differences for line in _by_sequence(each)]
    lines.append("* the interval does not contain zero")
    return lines


def _by_sequence(difference: "MetricDifference") -> list[str]:
    """The sequences with a better, a worse and an inconclusive result in one metric."""
    from deepsort_reid.metrics.analysis import STATISTICS

    better = 1 if STATISTICS[difference.name] else -1
    lines = []
    for result, sign in (("better", better), ("worse", -better), ("inconclusive", 0)):
        names = difference.sequences_with_sign(sign)
        if names:
            noun = "sequence" if len(names) == 1 else "sequences"
            lines.append(f"{difference.name:6}{result} in {len(names)} {noun}: {', '.join(names)}")
    return lines


def _interval(interval: "ConfidenceInterval | None", scale: float, digits: int) -> str:
    if interval is None:
        return "-"
    low, high = scale * interval.low, scale * interval.high
    return f"{low:+.{digits}f} to {high:+.{digits}f}{'*' if interval.sign else ' '}"


def _as_json(differences: "list[MetricDifference]") -> dict[str, object]:
    return {
        each.name: {
            "first": each.first,
            "second": each.second,
            "change": each.change,
            "over_sequences": _limits(each.over_sequences),
            "over_blocks": _limits(each.over_blocks),
            "sequences": {
                name: {"change": change, "over_blocks": _limits(interval)}
                for name, (change, interval) in each.sequences.items()
            },
        }
        for each in differences
    }


def _limits(interval: "ConfidenceInterval | None") -> list[float] | None:
    return None if interval is None else [interval.low, interval.high]
