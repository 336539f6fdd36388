"""The table of `benchmark`, and the files of its options."""

import argparse
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from deepsort_reid.cli.score_files import (
    chosen_columns,
    trackeval_split,
    write_report,
    write_score_files,
    write_trackeval,
)

if TYPE_CHECKING:
    from deepsort_reid.io.mot_sequences import MotSequence
    from deepsort_reid.metrics import Scores, SequenceScores
    from deepsort_reid.metrics.analysis import SequenceAnalysis

    # By configuration, and by name of the sequence.
    Scored = Mapping[str, Mapping[str, SequenceScores | SequenceAnalysis]]


def write_tables(
    args: argparse.Namespace,
    sequences: "Sequence[MotSequence]",
    scored: "Scored",
    notes: Iterable[str],
) -> None:
    """Print the table of all configurations; write it, and the files of the options.

    Args:
        args: arguments of the command.
        sequences: the rows of each configuration.
        scored: with further sequences, where one could not be tracked by all configurations.
        notes: lines below the table.
    """
    from deepsort_reid import metrics
    from deepsort_reid.io.atomic import write_atomically
    from deepsort_reid.metrics.analysis import SequenceAnalysis

    rows: dict[str, Scores] = {}
    single: dict[str, SequenceScores | SequenceAnalysis] = {}
    for label, found in scored.items():
        prefix = f"{label} " if len(scored) > 1 else ""
        own = {each.name: found[each.name] for each in sequences}
        scores = metrics.with_combined({name: each.scores for name, each in own.items()})
        rows |= {prefix + name: each for name, each in scores.items()}
        single |= {prefix + name: each for name, each in own.items()}
    table = metrics.text_table(rows, chosen_columns(args.columns))
    text = "\n".join([table, *notes, *_protocols(sequences, scored)])
    write_atomically(args.out / "table.txt", f"{text}\n")
    print(f"{text}\nwritten to {args.out}")
    write_score_files(args, rows, single)
    for label, found in scored.items() if args.report else ():
        suffix = f"-{label}" if len(scored) > 1 else ""
        path = args.report.with_name(f"{args.report.stem}{suffix}{args.report.suffix}")
        analyses = [found[each.name] for each in sequences]
        title = f"{label} on {args.folder.resolve().name}"
        analysed = [each for each in analyses if isinstance(each, SequenceAnalysis)]
        write_report(path, title, analysed, args.strips)


def write_trackeval_files(
    args: argparse.Namespace, sequences: "Sequence[MotSequence]", scored: "Scored"
) -> None:
    """Write the folders of --trackeval: every configuration is a tracker."""
    from deepsort_reid.io.trackeval_folders import TrackEvalSequence

    files = [
        TrackEvalSequence(
            name=each.name,
            truth=each.ground_truth,
            results={label: args.out / label / f"{each.name}.txt" for label in scored},
            length=each.length,
        )
        for each in sequences
        if each.ground_truth is not None
    ]
    protocols = {found[each.name].protocol for found in scored.values() for each in sequences}
    write_trackeval(args.trackeval, trackeval_split(args, args.folder), files, protocols)


def _protocols(sequences: "Sequence[MotSequence]", scored: "Scored") -> list[str]:
    """A line for each protocol, with its sequences if there are several protocols."""
    first = next(iter(scored.values()))
    names: dict[str, list[str]] = {}
    for each in sequences:
        names.setdefault(first[each.name].protocol, []).append(each.name)
    return [
        f"protocol: {protocol}" + (f" ({', '.join(own)})" if len(names) > 1 else "")
        for protocol, own in sorted(names.items())
    ]
