"""`deepsort-reid benchmark`: track and score every MOT sequence below a folder."""

import argparse
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepsort_reid.cli.benchmark_inputs import (
    add_input_arguments,
    input_camera_motion,
    input_detections,
)
from deepsort_reid.cli.benchmark_tables import write_tables, write_trackeval_files
from deepsort_reid.cli.config_options import add_set_argument, read_config
from deepsort_reid.cli.score_files import (
    add_score_file_arguments,
    chosen_columns,
    trackeval_split,
)
from deepsort_reid.cli.sequence_options import (
    Failures,
    add_selection_arguments,
    check_inputs,
    selected_sequences,
)
from deepsort_reid.cli.sequence_tracks import write_tracks
from deepsort_reid.cli.tracking_options import add_camera_motion_argument

if TYPE_CHECKING:
    from deepsort_reid.io.detections_npz import SequenceDetections
    from deepsort_reid.io.mot_sequences import MotSequence
    from deepsort_reid.metrics import SequenceScores
    from deepsort_reid.metrics.analysis import SequenceAnalysis
    from deepsort_reid.tracking import DeepSort

PUBLISHED = "published"
DEFAULT = "default"


@dataclass(frozen=True, eq=False)
class Inputs:
    """What the trackers get: detections, and the file of the camera motion, None without it."""

    detections: "SequenceDetections"
    camera_motion: Path | None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument(
        "folder",
        type=Path,
        help="folder with sequences at any depth, of MOTChallenge, DanceTrack, SportsMOT or "
        "TrackEval: SEQUENCE/gt/gt.txt, and det/det.txt unless --detections or --detector is given",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("benchmark"),
        metavar="DIR",
        help="output folder: table.txt, and for each configuration tracks, settings and times. "
        "Sequences that are already there for the same input are not tracked again "
        "(default: benchmark)",
    )
    parser.add_argument(
        "--config",
        action="append",
        default=[],
        metavar="FILE.json|default|published",
        help="tracker configuration, a row of the table; repeat for several: a JSON file, default, "
        "or published, the tracker of the DeepSORT paper (default: default)",
    )
    add_set_argument(parser)
    parser.add_argument(
        "--lag",
        type=int,
        default=0,
        metavar="FRAMES",
        help="delay output by FRAMES to correct ids and boxes; the rows are then named "
        "CONFIG-lagFRAMES (default: 0)",
    )
    add_selection_arguments(parser)
    add_input_arguments(parser)
    add_camera_motion_argument(
        parser,
        file=False,
        where="; none without frames, and for --config published",
    )
    add_score_file_arguments(parser)
    parser.add_argument(
        "--events",
        action="store_true",
        help="write SEQUENCE.events.csv with every tracking error and the cause of every identity "
        "switch; not with --lag (default: not written)",
    )
    parser.add_argument(
        "--quiet", action="store_true", help="show no progress bar (default: a bar on a terminal)"
    )


def run(args: argparse.Namespace) -> int:
    """Track and score all sequences; print one table and write it beside the tracks.

    Raises ValueError after the table when a sequence could not be tracked or scored.
    """
    from deepsort_reid.io.layouts import check_distinct

    _check_options(args)
    sequences, notes = _sequences(args)
    check_distinct("configurations", [(_label(config), config) for config in args.config])
    configs = args.config or [DEFAULT]
    suffix = f"-lag{args.lag}" if args.lag else ""
    trackers = {_label(config) + suffix: _tracker_factory(config, args.set) for config in configs}
    if args.lag:
        notes.append(f"output delayed by {args.lag} frames: not comparable with online results")
    args.out.mkdir(parents=True, exist_ok=True)
    inputs: dict[str, Inputs] = {}
    scored: dict[str, dict[str, SequenceScores | SequenceAnalysis]] = {}
    failures = Failures()
    for label, make_tracker in trackers.items():
        scored[label], frames, seconds = {}, 0, 0.0
        for sequence in sequences:
            name = sequence.name
            if name in failures:
                continue
            with failures.noted(name):
                if name not in inputs:
                    inputs[name] = _inputs(sequence, args)
                given = inputs[name]
                if label == PUBLISHED:
                    given = replace(given, camera_motion=None)
                seconds += _track(sequence, given, make_tracker, args.out / label, args)
                frames += len(given.detections.frames)
                scored[label][name] = _score(sequence, args.out / label, bool(args.report))
        rate = frames / seconds if seconds else float("nan")
        notes.append(f"{label}: tracked at {rate:.0f} frames per second")
    complete = [each for each in sequences if each.name not in failures]
    if complete:
        write_tables(args, complete, scored, notes)
        if args.trackeval:
            write_trackeval_files(args, complete, scored)
    failures.report(f"; the other sequences are in {args.out}" if complete else "")
    return 0


def _check_options(args: argparse.Namespace) -> None:
    """Raise ValueError for options that are out of range or contradict each other."""
    chosen_columns(args.columns)
    trackeval_split(args, args.folder)
    if args.lag < 0:
        raise ValueError(f"--lag: expected 0 frames or more, got {args.lag}")
    if args.lag and args.events:
        raise ValueError(
            "--events and --lag: expected one of them, got both; the causes of switches are "
            "decisions of the tracker without delay"
        )


def _sequences(args: argparse.Namespace) -> "tuple[list[MotSequence], list[str]]":
    """The selected sequences with ground truth, and a note on those without."""
    from deepsort_reid.io.layouts import name_list

    selected = selected_sequences(args.folder, args)
    sequences = [each for each in selected if each.ground_truth is not None]
    without = [each.name for each in selected if each.ground_truth is None]
    track = "`deepsort-reid track FOLDER` tracks sequences without ground truth"
    if not sequences:
        raise ValueError(
            f"{args.folder}: expected MOT sequences with gt/gt.txt, found none among "
            f"{name_list(without)}; {track}"
        )
    check_inputs(args.folder, sequences, args)
    notes = [f"no ground truth, left out: {name_list(without)}; {track}"] if without else []
    return sequences, notes


def _inputs(sequence: "MotSequence", args: argparse.Namespace) -> Inputs:
    detections = input_detections(sequence, args)
    return Inputs(detections, input_camera_motion(sequence, detections, args))


def _label(config: str) -> str:
    """The name of a configuration in the table and in the output folder."""
    return config if config in (DEFAULT, PUBLISHED) else Path(config).stem


def _tracker_factory(config: str, settings: list[tuple[str, Any]]) -> "Callable[..., DeepSort]":
    """A function that makes a tracker for a configuration: default, published or a JSON file.

    `settings` are further fields, which have precedence.
    """
    from deepsort_reid.tracking import DeepSort, published

    if config == PUBLISHED and settings:
        raise ValueError("--set: expected no fields of --config published, which has its own")
    if config == PUBLISHED:
        return published
    file = None if config == DEFAULT else Path(config)
    return partial(DeepSort, **read_config(file, settings)._asdict())


def _track(
    sequence: "MotSequence",
    inputs: Inputs,
    make_tracker: "Callable[..., DeepSort]",
    out: Path,
    args: argparse.Namespace,
) -> float:
    """Track one sequence unless the same run is already in `out`; returns the time in seconds.

    SEQUENCE.json records what determines the result. It is written last, so that it exists only
    beside complete tracks, and removed first, so that it never describes other tracks.
    """
    from deepsort_reid.cli.output_folder import versions
    from deepsort_reid.io.atomic import write_atomically
    from deepsort_reid.io.track_writers import MotWriter
    from deepsort_reid.vision.camera_motion import CameraMotionFromFile

    assert sequence.ground_truth is not None
    warps = inputs.camera_motion
    tracker = make_tracker(explain=True) if args.events else make_tracker()
    settings: dict[str, Any] = {
        "sequence": sequence.name,
        "detections_sha256": inputs.detections.digest,
        "camera_motion_sha256": None if warps is None else sha256(warps.read_bytes()).hexdigest(),
        "truth_sha256": sha256(sequence.ground_truth.read_bytes()).hexdigest(),
        "config": {name: str(value) for name, value in asdict(tracker.config).items()},
        "association": repr(tracker.association),
        "lag": args.lag,
        "versions": versions(),
    }
    settings_file, tracks = out / f"{sequence.name}.json", out / f"{sequence.name}.txt"
    events = out / f"{sequence.name}.events.csv"
    if settings_file.is_file() and tracks.is_file() and (events.is_file() or not args.events):
        from deepsort_reid.io.json_file import read_json_object

        stored = read_json_object(settings_file)
        seconds = stored.pop("seconds", 0.0)
        if stored == settings:
            return float(seconds)
    settings_file.unlink(missing_ok=True)
    events.unlink(missing_ok=True)
    out.mkdir(parents=True, exist_ok=True)
    with MotWriter(tracks) as writer:
        camera_motion = None if warps is None else CameraMotionFromFile(warps)
        seconds = write_tracks(
            tracker, inputs.detections.frames, args.lag, writer, camera_motion=camera_motion
        )
    if args.events:
        _write_events(sequence, tracks, tracker, events)
    write_atomically(settings_file, json.dumps({**settings, "seconds": seconds}, indent=2))
    return seconds


def _score(
    sequence: "MotSequence", out: Path, analyse: bool
) -> "SequenceScores | SequenceAnalysis":
    """The scores of a sequence; with `analyse` also what the report shows."""
    from deepsort_reid.metrics import ScoringRules
    from deepsort_reid.metrics.analysis import AnalyzeSequence
    from deepsort_reid.metrics.sequences import ScoreSequence, SequenceFiles

    assert sequence.ground_truth is not None
    files = SequenceFiles(sequence.name, sequence.ground_truth, out / f"{sequence.name}.txt")
    return (
        AnalyzeSequence(ScoringRules())(files) if analyse else ScoreSequence(ScoringRules())(files)
    )


def _write_events(sequence: "MotSequence", tracks: Path, tracker: "DeepSort", path: Path) -> None:
    """Write all errors of a sequence, with the causes of the identity switches."""
    from deepsort_reid import metrics
    from deepsort_reid.io.atomic import write_atomically
    from deepsort_reid.io.mot import read_ground_truth, read_results

    assert sequence.ground_truth is not None
    assert tracker.decision_log is not None
    truth, predicted = read_ground_truth(sequence.ground_truth), read_results(tracks)
    rules = metrics.ScoringRules()
    comparison = metrics.compare_under_rules(
        truth, predicted, rules, frames=sequence.length, name=sequence.name
    )
    events = metrics.events(comparison, truth)
    events = metrics.attribute_switches(events, comparison, truth, tracker.decision_log)
    write_atomically(path, metrics.events_csv({sequence.name: events}))
