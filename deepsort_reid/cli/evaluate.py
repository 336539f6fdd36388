"""`deepsort-reid evaluate`: score result files against ground truth and list the errors."""

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
    from deepsort_reid.metrics import Scores
    from deepsort_reid.metrics.analysis import SequenceAnalysis


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("gt", type=Path, help=GT_HELP)
    parser.add_argument(
        "predicted",
        type=Path,
        help="results to score: a file in MOT format, an output folder of track, or a folder with "
        "SEQ.txt, data/SEQ.txt or SEQ/tracks.txt",
    )
    add_scoring_arguments(parser)
    _add_output_arguments(parser)


def _add_output_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--ids",
        choices=("person", "track"),
        default="track",
        help="score the ids of the file, or those of the persons in people.csv of an output folder "
        "of track (default: track)",
    )
    parser.add_argument(
        "--json",
        type=Path,
        metavar="FILE",
        help="write all scores as JSON, unrounded, those of HOTA also per IoU threshold "
        "(default: not written)",
    )
    parser.add_argument(
        "--csv",
        type=Path,
        metavar="FILE",
        help="write all scores as CSV, one row per sequence (default: not written)",
    )
    parser.add_argument(
        "--latex",
        type=Path,
        metavar="FILE",
        help="write the printed table as a LaTeX tabular (default: not written)",
    )
    parser.add_argument(
        "--events",
        type=Path,
        metavar="FILE.csv",
        help="write every identity switch, fragment, miss and false track as a row of a CSV file "
        "(default: not written)",
    )
    parser.add_argument(
        "--report",
        type=Path,
        metavar="FILE.html",
        help="write an HTML page with tables, plots, a timeline and the identity switches "
        "(default: not written)",
    )
    parser.add_argument(
        "--strips",
        type=int,
        default=12,
        metavar="N",
        help="show the N worst identity switches as images in the report, for sequences with "
        "frames beside gt/gt.txt (default: 12)",
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="also score with motmetrics and explain the differences (needs the extra eval)",
    )


def run(args: argparse.Namespace) -> int:
    """Print the scores and write the requested files."""
    from deepsort_reid import metrics
    from deepsort_reid.metrics.analysis import AnalyzeSequence
    from deepsort_reid.metrics.report import COMBINED, motmetrics_table

    if args.check:
        import motmetrics  # noqa: F401  # before scoring: a missing package is reported at once

    sequences = paired_files(args, args.predicted)
    if args.ids == "person":
        sequences = [each.with_people() for each in sequences]
    analyze = AnalyzeSequence(scoring_rules(args), args.check)
    analyses = for_each_sequence(analyze, sequences, args)
    scores = {each.files.name: each.scores for each in analyses}
    rows = metrics.with_combined(scores)
    _print_notes(analyses, args.quiet)
    print(metrics.text_table(rows))
    print("\nSame id after a gap, by length of the gap in frames:")
    gaps = {each.files.name: each.reid_after_gap for each in analyses}
    if len(gaps) > 1:
        gaps[COMBINED] = sum(gaps.values(), metrics.ReidAfterGapCounts())
    print(metrics.reid_after_gap_table(gaps))
    _print_causes(analyses)
    if args.check:
        checks = {each.files.name: each.check for each in analyses if each.check is not None}
        print(f"\n{motmetrics_table(scores, checks)}")
    _write_files(args, rows, analyses)
    return 0


def _print_notes(analyses: "list[SequenceAnalysis]", quiet: bool) -> None:
    for protocol in sorted({each.protocol for each in analyses}):
        names = [each.files.name for each in analyses if each.protocol == protocol]
        suffix = "" if len(names) == len(analyses) else f" ({', '.join(names)})"
        print(f"protocol: {protocol}{suffix}")
    for each in analyses:
        for note in () if quiet else each.notes:
            print(f"{each.files.name}: {note}", file=sys.stderr)


def _print_causes(analyses: "list[SequenceAnalysis]") -> None:
    from deepsort_reid.metrics import EventKind, SwitchCause

    causes = [
        SwitchCause(cause)
        for each in analyses
        for cause in each.events.of_kind(EventKind.SWITCH).cause
    ]
    if any(causes):
        counts = ", ".join(
            f"{cause.label or 'unknown'} {causes.count(cause)}"
            for cause in sorted(set(causes), key=causes.count, reverse=True)
        )
        print(f"\nIdentity switches by cause: {counts}")


def _write_files(
    args: argparse.Namespace, rows: "dict[str, Scores]", analyses: "list[SequenceAnalysis]"
) -> None:
    from deepsort_reid import metrics
    from deepsort_reid.io.atomic import write_atomically

    if args.json:
        scores = {name: metrics.as_dict(each) for name, each in rows.items()}
        sequences = {
            each.files.name: {"protocol": each.protocol, "notes": list(each.notes)}
            for each in analyses
        }
        thresholds = metrics.THRESHOLDS.round(2).tolist()
        content = {"sequences": sequences, "thresholds": thresholds, "scores": scores}
        write_atomically(args.json, json.dumps(content, indent=1) + "\n")
    if args.csv:
        write_atomically(args.csv, metrics.csv_table(rows))
    if args.latex:
        write_atomically(args.latex, metrics.latex_table(rows))
    if args.events:
        events = {each.files.name: each.events for each in analyses}
        write_atomically(args.events, metrics.events_csv(events))
    if args.report:
        _write_report(args, analyses)


def _write_report(args: argparse.Namespace, analyses: "list[SequenceAnalysis]") -> None:
    from deepsort_reid.cli.switch_strips import make_switch_strips
    from deepsort_reid.io.atomic import write_atomically
    from deepsort_reid.metrics.analysis import worst_switches
    from deepsort_reid.metrics.report import html_report

    switches = worst_switches(analyses, args.strips)
    strips = make_switch_strips([each.files for each in analyses], switches)
    title = f"{args.predicted.name or args.predicted.resolve().name} against {args.gt.name}"
    write_atomically(args.report, html_report(title, analyses, strips))
