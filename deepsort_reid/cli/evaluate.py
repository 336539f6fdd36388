"""`deepsort-reid evaluate`: tracks against the truth, and what went wrong."""

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deepsort_reid.metrics.analysis.sequence_analysis import SequenceAnalysis
    from deepsort_reid.metrics.scores import Scores


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument(
        "gt", type=Path, help="truth: a file, or a folder with SEQ/gt/gt.txt or SEQ.txt"
    )
    parser.add_argument(
        "predicted", type=Path, help="tracks: a file, or a folder with SEQ.txt or SEQ/tracks.txt"
    )
    add_rule_arguments(parser)
    parser.add_argument("--json", type=Path, metavar="FILE", help="every number, unrounded")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="every number but lists")
    parser.add_argument("--latex", type=Path, metavar="FILE", help="the table for a paper")
    parser.add_argument(
        "--events", type=Path, metavar="FILE.csv", help="every switch, fragment, miss, false track"
    )
    parser.add_argument(
        "--report", type=Path, metavar="FILE.html", help="one page with tables and pictures"
    )
    parser.add_argument(
        "--strips", type=int, default=12, metavar="N", help="film strips in the report (default 12)"
    )
    parser.add_argument(
        "--check", action="store_true", help="the numbers of motmetrics beside, and why they differ"
    )


def add_rule_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments that say which boxes and sequences are scored."""
    parser.add_argument(
        "--protocol",
        choices=("auto", "mot16", "mot20", "plain"),
        default="auto",
        help="mot16 (also MOT17) and mot20 leave out distractors, plain scores every box "
        "(default: chosen from the classes of the truth)",
    )
    parser.add_argument("--classes", help="plain: score these classes only, such as 1,3")
    parser.add_argument("--ignore-classes", help="plain: truth boxes that mark ignore regions")
    parser.add_argument(
        "--allow-missing", action="store_true", help="leave out sequences that one side lacks"
    )
    parser.add_argument(
        "--processes", type=int, help="sequences at a time (default: one per CPU core)"
    )
    parser.add_argument("--quiet", action="store_true", help="no progress bar, no notes")


def run(args: argparse.Namespace) -> int:
    """Print the table, and write what else is asked for."""
    from deepsort_reid import metrics
    from deepsort_reid.cli.evaluation_options import for_each_sequence, pairs_of, rules_of
    from deepsort_reid.metrics.analysis.sequence_analysis import AnalyzeSequence
    from deepsort_reid.metrics.report.motmetrics_table import motmetrics_table

    rules, pairs = rules_of(args), pairs_of(args, args.predicted)
    found = for_each_sequence(AnalyzeSequence(rules, args.check), pairs, args)
    scores = {each.pair.name: each.scores for each in found}
    rows = metrics.with_combined(scores)
    _print_notes(found, args.quiet)
    print(metrics.text_table(rows))
    print("\nBack with the same id, by frames away:")
    away = {each.pair.name: each.reid_after_gap for each in found}
    if len(away) > 1:
        away["COMBINED"] = sum(away.values(), metrics.ReidAfterGapCounts())
    print(metrics.reid_after_gap_table(away))
    _print_causes(found)
    if args.check:
        checks = {each.pair.name: each.check for each in found if each.check is not None}
        print(f"\n{motmetrics_table(scores, checks)}")
    _write_files(args, rows, found)
    return 0


def _print_notes(found: "list[SequenceAnalysis]", quiet: bool) -> None:
    for protocol in sorted({each.protocol for each in found}):
        names = [each.pair.name for each in found if each.protocol == protocol]
        of = "" if len(names) == len(found) else f" ({', '.join(names)})"
        print(f"protocol: {protocol}{of}")
    for each in found:
        for note in () if quiet else each.notes:
            print(f"{each.pair.name}: {note}", file=sys.stderr)


def _print_causes(found: "list[SequenceAnalysis]") -> None:
    from deepsort_reid.metrics import EventKind, SwitchCause

    causes = [
        SwitchCause(cause)
        for each in found
        for cause in each.events.of_kind(EventKind.SWITCH).cause
    ]
    if any(causes):
        shown = ", ".join(
            f"{cause.label or 'unknown'} {causes.count(cause)}"
            for cause in sorted(set(causes), key=causes.count, reverse=True)
        )
        print(f"\nSwitches by cause: {shown}")


def _write_files(
    args: argparse.Namespace, rows: "dict[str, Scores]", found: "list[SequenceAnalysis]"
) -> None:
    from deepsort_reid import metrics
    from deepsort_reid.io.atomic import write_atomically

    if args.json:
        numbers = {name: metrics.as_dict(scores) for name, scores in rows.items()}
        about = {
            each.pair.name: {"protocol": each.protocol, "notes": list(each.notes)} for each in found
        }
        thresholds = metrics.THRESHOLDS.round(2).tolist()
        content = {"sequences": about, "thresholds": thresholds, "scores": numbers}
        write_atomically(args.json, json.dumps(content, indent=1) + "\n")
    if args.csv:
        write_atomically(args.csv, metrics.csv_table(rows))
    if args.latex:
        write_atomically(args.latex, metrics.latex_table(rows))
    if args.events:
        named = {each.pair.name: each.events for each in found}
        write_atomically(args.events, metrics.events_csv(named))
    if args.report:
        _write_report(args, found)


def _write_report(args: argparse.Namespace, found: "list[SequenceAnalysis]") -> None:
    from deepsort_reid.cli.switch_strips import make_switch_strips
    from deepsort_reid.io.atomic import write_atomically
    from deepsort_reid.metrics.analysis.worst_switches import worst_switches
    from deepsort_reid.metrics.report.html_report import html_report

    strips = make_switch_strips([each.pair for each in found], worst_switches(found, args.strips))
    title = f"{args.predicted.name or args.predicted.resolve().name} against {args.gt.name}"
    write_atomically(args.report, html_report(title, found, strips))
