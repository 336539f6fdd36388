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
from deepsort_reid.cli.sequence_options import Failures

if TYPE_CHECKING:
    from deepsort_reid.metrics import ConfidenceInterval, MetricDifference
    from deepsort_reid.metrics.analysis.block_counts import Array

FEW_SEQUENCES = 6  # with fewer, an interval over sequences is too narrow


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("gt", type=Path, help=GT_HELP)
    parser.add_argument(
        "first",
        type=Path,
        help="results of the reference tracker, a file or a folder; or a folder of trackers: every "
        "sub-folder with results is one, the first by name is the reference",
    )
    parser.add_argument(
        "other",
        type=Path,
        nargs="*",
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
    failures = Failures()
    scored, protocols = _block_counts(args, _trackers(args), failures)
    print(
        f"protocol: {', '.join(protocols)}; {args.resamples} resamples, "
        f"blocks of {args.block_length} frames"
    )
    results = []
    values: dict[str, dict[str, float]] = {}  # by tracker and metric
    (reference, first), *others = scored
    for path, counts in others:
        differences = bootstrap_differences(
            first, counts, n_resamples=args.resamples, seed=args.seed
        )
        print(f"\n{path} minus {reference}")
        print("\n".join(_table(differences)))
        results.append({"first": str(reference), "second": str(path), **_as_json(differences)})
        values[str(path)] = {each.name: each.second for each in differences}
        values.setdefault(str(reference), {each.name: each.first for each in differences})
    if len(values) > 2:
        print("\n".join(["\nAll trackers, the highest HOTA first:", *_overview(values)]))
    if args.json:
        write_atomically(args.json, json.dumps(results, indent=1) + "\n")
    failures.report("; the other trackers are compared")
    return 0


def _trackers(args: argparse.Namespace) -> list[Path]:
    """The results of all trackers, with those of the sub-folders of a folder of trackers."""
    from deepsort_reid.io.layouts import tracker_folders, truth_files
    from deepsort_reid.io.trackeval_folders import split_folder

    names = list(truth_files(args.gt))
    split = split_folder(args.gt, "gt").name if args.gt.is_dir() else ""
    trackers: list[Path] = []
    for path in (args.first, *args.other):
        found = tracker_folders(path, names, split)
        # A tracker may be given twice, but one that is given is not taken from its folder again.
        trackers += found if found == [path] else [each for each in found if each not in trackers]
    if len(trackers) < 2:
        raise ValueError(
            f"{args.first}: expected a folder with the results of several trackers, or two "
            "trackers, got one tracker"
        )
    return trackers


def _block_counts(
    args: argparse.Namespace, trackers: list[Path], failures: Failures
) -> "tuple[list[tuple[Path, dict[str, Array]]], list[str]]":
    """The block counts of each tracker in the sequences that all have, and the protocols."""
    from deepsort_reid.metrics.analysis import ScoreBlocks

    score_blocks = ScoreBlocks(scoring_rules(args), args.block_length)
    scored: list[tuple[Path, dict[str, Array]]] = []
    protocols: set[str] = set()
    for path in trackers:
        with failures.noted(str(path)):
            invalid = Failures()
            results = for_each_sequence(score_blocks, paired_files(args, path), args, invalid)
            invalid.report()
            scored.append((path, {name: counts for name, _, counts in results}))
            protocols = {protocol for _, protocol, _ in results}
    if len(scored) < 2 or str(args.first) in failures:
        failures.report()
    of_each = [counts for _, counts in scored]
    common = [name for name in of_each[0] if all(name in counts for counts in of_each)]
    if not common:
        raise ValueError("no sequence has results of all trackers")
    if len(common) < max(map(len, of_each)):
        print(f"compared on the sequences of all trackers: {', '.join(common)}", file=sys.stderr)
    chosen = [(path, {name: counts[name] for name in common}) for path, counts in scored]
    return chosen, sorted(protocols)


def _table(differences: "list[MetricDifference]") -> list[str]:
    """The lines of the table, and the sequences in which the change is conclusive or not."""
    head = f"{'':6}{'first':>9}{'second':>9}{'change':>9}"
    lines = [head + f"{'95 % over sequences':>24}{'95 % over blocks':>24}"]
    for each in differences:
        scale, digits = scale_and_digits(each.name)
        lines.append(
            f"{score_cells(each)}{_interval(each.over_sequences, scale, digits):>24}"
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


def scale_and_digits(metric: str) -> tuple[float, int]:
    """Factor and number of digits with which a metric is printed: percent, except for counts."""
    return (1.0, 0) if metric == "IDSW" else (100.0, 2)


def score_cells(difference: "MetricDifference") -> str:
    """The cells of a line: the metric, both scores and the change."""
    scale, digits = scale_and_digits(difference.name)
    return (
        f"{difference.name:6}{scale * difference.first:9.{digits}f}"
        f"{scale * difference.second:9.{digits}f}{scale * difference.change:+9.{digits}f}"
    )


def _overview(values: dict[str, dict[str, float]]) -> list[str]:
    """The lines of a table with one tracker in each."""
    ranked = sorted(values, key=lambda tracker: -values[tracker]["HOTA"])
    width = max(map(len, ranked))
    lines = [" " * width + "".join(f"{name:>9}" for name in values[ranked[0]])]
    for tracker in ranked:
        cells = ""
        for name, value in values[tracker].items():
            scale, digits = scale_and_digits(name)
            cells += f"{scale * value:9.{digits}f}"
        lines.append(f"{tracker:{width}}{cells}")
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
