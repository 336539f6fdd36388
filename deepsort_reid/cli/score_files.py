"""Options and files of `evaluate` and `benchmark` for their scores."""

import argparse
import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deepsort_reid.io.trackeval_folders import TrackEvalSequence
    from deepsort_reid.metrics import Scores, SequenceScores
    from deepsort_reid.metrics.analysis import SequenceAnalysis
    from deepsort_reid.metrics.report.tables import Column


def add_score_file_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --columns, --json, --csv, --latex, --report, --strips, --trackeval and --split."""
    parser.add_argument(
        "--columns",
        metavar="NAMES",
        help="columns of the printed table and of --latex, in this order, such as HOTA,IDF1,IDSW "
        "(default: all 19)",
    )
    for option, text in (
        ("json", "all scores as JSON, unrounded, those of HOTA also per IoU threshold"),
        ("csv", "all scores as CSV, one row per sequence"),
        ("latex", "the printed table as a LaTeX tabular"),
    ):
        parser.add_argument(
            f"--{option}",
            type=Path,
            metavar="FILE",
            help=f"write {text} (default: not written)",
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
        "--trackeval",
        type=Path,
        metavar="DIR",
        help="write ground truth, results and a seqmap to the folders that TrackEval reads, and "
        "print the command that scores them (default: not written)",
    )
    parser.add_argument(
        "--split",
        metavar="BENCHMARK-SPLIT",
        help="name of the data in --trackeval, such as MOT17-train (default: from the folders: "
        "MOT17-train for MOT17/train)",
    )


def chosen_columns(names: str | None) -> "tuple[Column, ...]":
    """The columns of --columns. Raises ValueError for a name that no column has."""
    from deepsort_reid.metrics import COLUMNS

    if names is None:
        return COLUMNS
    by_name = {column.name.lower(): column for column in COLUMNS}
    chosen = [by_name.get(name.strip().lower()) for name in names.split(",")]
    columns = tuple(column for column in chosen if column is not None)
    if len(columns) < len(chosen) or len(set(columns)) < len(columns):
        known = ", ".join(column.name for column in COLUMNS)
        raise ValueError(f"--columns: expected names out of {known}, each once, got {names!r}")
    return columns


def write_score_files(
    args: argparse.Namespace,
    rows: "Mapping[str, Scores]",
    scored: "Mapping[str, SequenceScores | SequenceAnalysis]",
) -> None:
    """Write the files of --json, --csv and --latex.

    Args:
        args: arguments of the command.
        rows: scores, with those of all sequences together.
        scored: the rows of single sequences.
    """
    from deepsort_reid import metrics
    from deepsort_reid.io.atomic import write_atomically

    if args.json:
        scores = {name: metrics.as_dict(each) for name, each in rows.items()}
        sequences = {
            name: {"protocol": each.protocol, "notes": list(each.notes)}
            for name, each in scored.items()
        }
        thresholds = metrics.THRESHOLDS.round(2).tolist()
        content = {"sequences": sequences, "thresholds": thresholds, "scores": scores}
        write_atomically(args.json, json.dumps(content, indent=1) + "\n")
    if args.csv:
        write_atomically(args.csv, metrics.csv_table(rows))
    if args.latex:
        write_atomically(args.latex, metrics.latex_table(rows, chosen_columns(args.columns)))


def write_report(
    path: Path, title: str, analyses: "Sequence[SequenceAnalysis]", n_strips: int
) -> None:
    """Write the HTML page of --report."""
    from deepsort_reid.cli.switch_strips import make_switch_strips
    from deepsort_reid.io.atomic import write_atomically
    from deepsort_reid.metrics.analysis import worst_switches
    from deepsort_reid.metrics.report import html_report

    switches = worst_switches(analyses, n_strips)
    strips = make_switch_strips([each.files for each in analyses], switches)
    write_atomically(path, html_report(title, analyses, strips))


def trackeval_split(args: argparse.Namespace, truth: Path) -> str:
    """The name of the split that --trackeval writes; "" without --trackeval.

    Raises ValueError for a name that TrackEval cannot read.
    """
    from deepsort_reid.io.trackeval_folders import check_split_name, split_folder, split_name

    if args.trackeval is None:
        return ""
    folder = split_folder(truth, "gt") if truth.is_dir() else truth.parent
    name = args.split or split_name(folder)
    try:
        check_split_name(name)
    except ValueError as error:
        raise ValueError(f"--split: {error}") from None
    return str(name)


def write_trackeval(
    root: Path,
    split: str,
    sequences: "Sequence[TrackEvalSequence]",
    protocols: Collection[str],
) -> None:
    """Write the folders of --trackeval, and print the command that scores them."""
    from deepsort_reid.io import trackeval_folders

    root = root.resolve()  # the command runs in a checkout of TrackEval
    trackeval_folders.write_trackeval(root, split, sequences)
    benchmark, _, rest = split.partition("-")
    trackers = " ".join(sequences[0].results)
    rules = " --DO_PREPROC False" if "plain" in protocols else ""
    print(
        "in a checkout of TrackEval: python scripts/run_mot_challenge.py "
        f"--GT_FOLDER {quote(f'{root}/gt/mot_challenge')} "
        f"--TRACKERS_FOLDER {quote(f'{root}/trackers/mot_challenge')} "
        f"--BENCHMARK {benchmark} --SPLIT_TO_EVAL {rest} --TRACKERS_TO_EVAL {trackers}{rules}"
    )
    # TrackEval chooses its rules by the name of the benchmark, for all sequences.
    by_name = {"MOT15": "plain", "MOT20": "mot20"}.get(benchmark, "mot16")
    applied = "plain" if rules else by_name
    others = sorted(set(protocols) - {applied})
    if others:
        print(
            f"TrackEval applies the protocol {applied} to all of {split}: its scores of sequences "
            f"under {', '.join(others)} differ; --only and --split write them apart"
        )
