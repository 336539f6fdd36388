"""`deepsort-reid compare`: is one tracker really better than another on the same sequences?"""

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from deepsort_reid.cli.evaluate import add_rule_arguments

FEW = 6  # sequences, below which an interval over them is too narrow

if TYPE_CHECKING:
    from deepsort_reid.metrics.analysis.bootstrap import ConfidenceInterval, MetricDifference


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument(
        "gt", type=Path, help="truth: a file, or a folder with SEQ/gt/gt.txt or SEQ.txt"
    )
    parser.add_argument("first", type=Path, help="the tracker to compare with: file or folder")
    parser.add_argument("other", type=Path, nargs="+", help="trackers that may be better")
    add_rule_arguments(parser)
    parser.add_argument(
        "--block", type=int, default=50, metavar="N", help="frames drawn together (default 50)"
    )
    parser.add_argument("--draws", type=int, default=2000, metavar="N", help="(default 2000)")
    parser.add_argument("--seed", type=int, default=0, help="(default 0)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="every number, unrounded")


def run(args: argparse.Namespace) -> int:
    """Print a table for each of the other trackers against the first."""
    from deepsort_reid.cli.evaluation_options import (
        for_each_sequence,
        pairs_of,
        rules_of,
    )
    from deepsort_reid.io.atomic import write_atomically
    from deepsort_reid.metrics.analysis.block_counts import ScoreBlocks
    from deepsort_reid.metrics.analysis.bootstrap import bootstrap_differences

    for name in ("block", "draws"):
        if getattr(args, name) < 1:
            raise ValueError(f"--{name} is 1 or more: got {getattr(args, name)}")
    work = ScoreBlocks(rules_of(args), args.block)
    trackers = [args.first, *args.other]
    counted = []
    for path in trackers:
        done = for_each_sequence(work, pairs_of(args, path), args)
        counted.append({name: counts for name, _, counts in done})
        protocols = ", ".join(sorted({protocol for _, protocol, _ in done}))
    common = [name for name in counted[0] if all(name in each for each in counted)]
    if not common:
        raise ValueError("no sequence has results of all trackers")
    if len(common) < max(map(len, counted)):
        print(f"compared on what all trackers have: {', '.join(common)}", file=sys.stderr)
    first, *others = [{name: each[name] for name in common} for each in counted]
    print(f"protocol: {protocols}; {args.draws} draws, blocks of {args.block} frames")
    written = []
    for path, second in zip(args.other, others, strict=True):
        found = bootstrap_differences(first, second, draws=args.draws, seed=args.seed)
        print(f"\n{path} minus {args.first}")
        print("\n".join(_table(found)))
        written.append({"first": str(args.first), "second": str(path), **_as_json(found)})
    if args.json:
        write_atomically(args.json, json.dumps(written, indent=1) + "\n")
    return 0


def _table(found: "list[MetricDifference]") -> list[str]:
    from deepsort_reid.metrics.analysis.block_counts import STATISTICS

    head = f"{'':6}{'first':>9}{'second':>9}{'change':>9}"
    lines = [head + f"{'95 % over sequences':>24}{'95 % over blocks':>24}"]
    for each in found:
        scale = 1.0 if each.name == "IDSW" else 100.0
        digits = 0 if each.name == "IDSW" else 2
        lines.append(
            f"{each.name:6}{scale * each.first:9.{digits}f}{scale * each.second:9.{digits}f}"
            f"{scale * each.change:+9.{digits}f}"
            f"{_shown(each.over_sequences, scale, digits):>24}"
            f"{_shown(each.over_blocks, scale, digits):>24}"
        )
    n_sequences = len(found[0].sequences)
    one = n_sequences == 1
    if one:
        lines.append("One sequence: nothing can be said about other sequences.")
    elif n_sequences < FEW:
        lines.append(f"Only {n_sequences} sequences: what they say about others is rough.")
    for each in [] if one else found:
        up = 1 if STATISTICS[each.name] else -1  # which way is better
        for word, sign in (("better", up), ("worse", -up), ("open", 0)):
            names = each.sequences_with_sign(sign)
            if names:
                lines.append(f"{each.name:6}{word:7}in {len(names)}: {', '.join(names)}")
    lines.append("* the interval does not hold zero")
    return lines


def _shown(interval: "ConfidenceInterval | None", scale: float, digits: int) -> str:
    if interval is None:
        return "-"
    low, high = scale * interval.low, scale * interval.high
    return f"{low:+.{digits}f} to {high:+.{digits}f}{'*' if interval.sign else ' '}"


def _as_json(found: "list[MetricDifference]") -> dict[str, object]:
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
        for each in found
    }


def _limits(interval: "ConfidenceInterval | None") -> list[float] | None:
    return None if interval is None else [interval.low, interval.high]
