"""`deepsort-reid evaluate`: score result files against ground truth and list the errors."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from deepsort_reid.cli.evaluation_options import (
    GT_HELP,
    add_scoring_arguments,
    for_each_sequence,
    paired_files,
    scoring_rules,
    tracker_name,
)
from deepsort_reid.cli.score_files import (
    add_score_file_arguments,
    chosen_columns,
    trackeval_split,
    write_report,
    write_score_files,
    write_trackeval,
)
from deepsort_reid.cli.sequence_options import Failures

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
        "SEQ.txt, data/SEQ.txt or SEQ/tracks.txt, also that of one tracker of TrackEval",
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
    add_score_file_arguments(parser)
    parser.add_argument(
        "--events",
        type=Path,
        metavar="FILE.csv",
        help="write every identity switch, fragment, miss and false track as a row of a CSV file "
        "(default: not written)",
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="also score with motmetrics and explain the differences (needs the extra eval)",
    )


def run(args: argparse.Namespace) -> int:
    """Print the scores and write the requested files.

    Raises ValueError at the end when a sequence could not be scored.
    """
    from deepsort_reid import metrics
    from deepsort_reid.metrics.analysis import AnalyzeSequence
    from deepsort_reid.metrics.report import COMBINED, motmetrics_table

    if args.check:
        import motmetrics  # noqa: F401  # before scoring: a missing package is reported at once

    columns = chosen_columns(args.columns)
    trackeval_split(args, args.gt)
    for option, given in (("--ids person", args.ids == "person"), *_class_options(args)):
        if args.trackeval and given:
            raise ValueError(f"--trackeval and {option}: expected one of them, got both")
    sequences = paired_files(args, args.predicted)
    if args.ids == "person":
        sequences = [each.with_people() for each in sequences]
    analyze = AnalyzeSequence(scoring_rules(args), args.check)
    failures = Failures()
    analyses = for_each_sequence(analyze, sequences, args, failures)
    if not analyses:
        failures.report()
    scores = {each.files.name: each.scores for each in analyses}
    rows = metrics.with_combined(scores)
    _print_notes(analyses, args.quiet)
    print(metrics.text_table(rows, columns))
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
    failures.report("; the other sequences are scored")
    return 0


def _class_options(args: argparse.Namespace) -> list[tuple[str, bool]]:
    """The options on classes, which TrackEval does not have, and whether they are given."""
    return [("--classes", bool(args.classes)), ("--ignore-classes", bool(args.ignore_classes))]


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

    write_score_files(args, rows, {each.files.name: each for each in analyses})
    if args.events:
        events = {each.files.name: each.events for each in analyses}
        write_atomically(args.events, metrics.events_csv(events))
    if args.report:
        title = f"{args.predicted.name or args.predicted.resolve().name} against {args.gt.name}"
        write_report(args.report, title, analyses, args.strips)
    if args.trackeval:
        _write_trackeval(args, analyses)


def _write_trackeval(args: argparse.Namespace, analyses: "list[SequenceAnalysis]") -> None:
    """Write the folders of --trackeval: the predictions are one tracker."""
    from deepsort_reid.io.trackeval_folders import TrackEvalSequence
    from deepsort_reid.metrics.sequences import sequence_length

    tracker = tracker_name(args.predicted)
    files = [
        TrackEvalSequence(
            name=each.files.name,
            truth=each.files.truth,
            results={tracker: each.files.predicted},
            length=sequence_length(each.files.truth),
        )
        for each in analyses
    ]
    protocols = {each.protocol for each in analyses}
    write_trackeval(args.trackeval, trackeval_split(args, args.gt), files, protocols)
