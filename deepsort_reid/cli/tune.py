"""`deepsort-reid tune`: settings of the tracker that fit labelled sequences."""

import argparse
import json
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepsort_reid.cli.benchmark_inputs import add_input_arguments, input_detections
from deepsort_reid.cli.compare import scale_and_digits, score_cells
from deepsort_reid.cli.progress import progress_bar
from deepsort_reid.cli.sequence_options import (
    Failures,
    add_selection_arguments,
    check_inputs,
    selected_sequences,
)

if TYPE_CHECKING:
    from deepsort_reid.io.mot_sequences import MotSequence
    from deepsort_reid.tuning import LabelledSequence, Tuning

CONFIG, TRIALS = "tracker.json", "trials.jsonl"  # files in the output folder


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument(
        "folder",
        type=Path,
        help="folder with at least two labelled sequences: SEQUENCE/gt/gt.txt, and det/det.txt "
        "unless --detections or --detector is given",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("tuned"),
        metavar="DIR",
        help=f"output folder: {CONFIG}, for --config of the other commands, and {TRIALS}; the same "
        "command continues an interrupted tuning (default: tuned)",
    )
    parser.add_argument(
        "--trials",
        type=int,
        default=100,
        metavar="N",
        help="number of settings that are measured for each sequence that is left out, and once "
        "with all (default: 100)",
    )
    parser.add_argument(
        "--metric",
        choices=("mean", "hota", "idf1", "mota"),
        default="mean",
        help="what is maximised; mean is that of HOTA and IDF1 (default: mean)",
    )
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="seed of the search (default: 0)"
    )
    add_selection_arguments(parser)
    add_input_arguments(parser)
    parser.add_argument("--quiet", action="store_true", help="show no progress bar")


def run(args: argparse.Namespace) -> int:
    """Search settings, judge them on the sequences that were left out, and write the best."""
    import optuna  # noqa: F401  # says what to install before anything is computed

    from deepsort_reid.io.atomic import write_atomically
    from deepsort_reid.tuning import tune
    from deepsort_reid.tuning.search_space import as_config
    from deepsort_reid.tuning.trial_log import TrialLog

    if args.trials < 2:
        raise ValueError(f"--trials: expected 2 or more, got {args.trials}")
    selected = _labelled(args)
    args.out.mkdir(parents=True, exist_ok=True)
    sequences, digests = _read(selected, args)
    log = TrialLog(
        args.out / TRIALS, {"sequences": digests, "metric": args.metric, "seed": args.seed}
    )
    total = args.trials * (len(sequences) + 1)
    bar = progress_bar(range(total + 1), total, quiet=args.quiet, unit="trial")
    next(bar)
    try:
        tuning = tune(
            sequences,
            log,
            trials=args.trials,
            metric=args.metric,
            seed=args.seed,
            on_trial=lambda: next(bar),
        )
    finally:
        log.close()
    print("\n".join(result_lines(tuning)))
    config = args.out / CONFIG
    if not tuning.is_better:
        config.unlink(missing_ok=True)
        print("no configuration is written")
        return 0
    write_atomically(config, json.dumps(as_config(tuning.settings), indent=2) + "\n")
    print(f"written to {config}; use it with --config {config}")
    return 0


def _labelled(args: argparse.Namespace) -> "list[MotSequence]":
    """The selected sequences with ground truth, at least two."""
    from deepsort_reid.io.layouts import name_list

    selected = selected_sequences(args.folder, args)
    sequences = [each for each in selected if each.ground_truth is not None]
    if len(sequences) < 2:
        raise ValueError(
            f"{args.folder}: expected at least two sequences with gt/gt.txt, because each is left "
            f"out once, got {name_list([each.name for each in sequences]) or 'none'}"
        )
    check_inputs(args.folder, sequences, args)
    return sequences


def _read(
    selected: "list[MotSequence]", args: argparse.Namespace
) -> "tuple[list[LabelledSequence], dict[str, str]]":
    """The sequences with detections and embeddings, and a digest of each.

    Raises ValueError when one cannot be read: tuning on fewer would answer another question.
    """
    from deepsort_reid.io.mot import read_ground_truth
    from deepsort_reid.metrics import ScoringRules, choose_protocol
    from deepsort_reid.tuning import LabelledSequence

    sequences, digests, failures = [], {}, Failures()
    for each in selected:
        with failures.noted(each.name):
            assert each.ground_truth is not None
            detections = input_detections(each, args)
            truth = read_ground_truth(each.ground_truth)
            rules = ScoringRules(protocol=choose_protocol(truth, each.name))
            labelled = LabelledSequence(each.name, list(detections.frames), truth, rules)
            sequences.append(labelled)
            content = detections.digest.encode() + each.ground_truth.read_bytes()
            digests[each.name] = sha256(content).hexdigest()
    failures.report("; leave it out with --only")
    return sequences, digests


def result_lines(tuning: "Tuning") -> list[str]:
    """Scores with the settings found without each sequence, changed settings, and a verdict."""
    lines = [
        "Scores of each sequence with the settings found on the others:",
        f"{'':6}{'default':>9}{'tuned':>9}{'change':>9}{'95 % over blocks':>24}",
    ]
    for each in tuning.differences:
        scale, digits = scale_and_digits(each.name)
        low, high = scale * each.over_blocks.low, scale * each.over_blocks.high
        lines.append(f"{score_cells(each)}{f'[{low:+.{digits}f}, {high:+.{digits}f}]':>24}")
    return [*lines, "", *_changes_by_sequence(tuning), "", *_verdict(tuning)]


def _changes_by_sequence(tuning: "Tuning") -> list[str]:
    changes: dict[str, Any] = {each.name: each.sequences for each in tuning.differences}
    width = max(len(name) for name in tuning.without)
    lines = [f"{'left out':{width}}{'HOTA':>9}{'IDF1':>9}"]
    for name in tuning.without:
        cells = "".join(f"{100 * changes[key][name][0]:+9.2f}" for key in ("HOTA", "IDF1"))
        lines.append(f"{name:{width}}{cells}")
    return lines


def _verdict(tuning: "Tuning") -> list[str]:
    """Whether the settings are worth using, in words."""
    if not tuning.is_better:
        return ["The default is not beaten on sequences that were left out: use the default."]
    changed = [
        f"  {name}: {value:.6g} (default {tuning.default_settings[name]:.6g})"
        for name, value in tuning.settings.items()
        if value != tuning.default_settings[name]
    ]
    lines = ["Settings found on all sequences that differ from the default:", *changed]
    if not changed:
        lines = ["On all sequences together the default is best."]
    if not tuning.is_conclusive:
        lines.append("The gain may be chance: the interval of the change contains 0.")
    return lines
