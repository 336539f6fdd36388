"""`deepsort-reid benchmark`: track and score every MOT sequence below a folder."""

import argparse
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepsort_reid.cli.config_options import add_set_argument, read_config
from deepsort_reid.cli.tracking_options import DETECTOR_HELP, add_device_argument

if TYPE_CHECKING:
    from deepsort_reid.io.detections_npz import SequenceDetections
    from deepsort_reid.io.mot_sequences import MotSequence
    from deepsort_reid.metrics import Scores
    from deepsort_reid.tracking import DeepSort

PUBLISHED = "published"
DEFAULT = "default"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument(
        "folder",
        type=Path,
        help="folder with MOT sequences at any depth: SEQUENCE/gt/gt.txt, and det/det.txt unless "
        "--detections or --detector is given",
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
        "--only",
        action="append",
        default=[],
        metavar="SEQUENCE",
        help="run on this sequence only; repeat for several (default: all sequences)",
    )
    parser.add_argument(
        "--events",
        action="store_true",
        help="write SEQUENCE.events.csv with every tracking error and the cause of every identity "
        "switch",
    )
    _add_input_arguments(parser)
    parser.add_argument("--quiet", action="store_true", help="show no progress bar")


def _add_input_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options for detections and embeddings."""
    parser.add_argument(
        "--detections",
        type=Path,
        metavar="DIR",
        help="folder with detections as SEQUENCE.npz or SEQUENCE.txt "
        "(default: det/det.txt of each sequence)",
    )
    parser.add_argument(
        "--detector",
        metavar="NAME|FILE.onnx",
        help=f"detect in the frames instead: {DETECTOR_HELP} (default: none)",
    )
    parser.add_argument(
        "--embedder",
        metavar="FILE.onnx|none",
        help="embedder for sequences with frames (default: the embedder of the package; none for "
        "sequences without frames)",
    )
    parser.add_argument(
        "--cache",
        type=Path,
        metavar="DIR",
        help="folder for detections and embeddings, read by later runs (default: OUT/cache)",
    )
    parser.add_argument(
        "--threads",
        type=int,
        metavar="N",
        help="CPU threads of detector and embedder (default: all cores)",
    )
    add_device_argument(parser, "detector and embedder")


def run(args: argparse.Namespace) -> int:
    """Track and score all sequences; print one table and write it beside the tracks."""
    from deepsort_reid import metrics
    from deepsort_reid.io.atomic import write_atomically

    sequences = _sequences(args)
    _check_distinct("sequences", [each.name for each in sequences])
    _check_distinct("configurations", [_label(config) for config in args.config])
    configs = args.config or [DEFAULT]
    trackers = {_label(config): _tracker_factory(config, args.set) for config in configs}
    args.out.mkdir(parents=True, exist_ok=True)
    inputs: dict[str, SequenceDetections] = {}
    rows: dict[str, Scores] = {}
    protocols: dict[str, list[str]] = {}
    speeds = []
    for label, make_tracker in trackers.items():
        scores: dict[str, Scores] = {}
        frames, seconds = 0, 0.0
        for sequence in sequences:
            if sequence.name not in inputs:
                inputs[sequence.name] = _detections(sequence, args)
            detections = inputs[sequence.name]
            seconds += _track(sequence, detections, make_tracker, args.out / label, args)
            frames += len(detections.frames)
            protocol, scores[sequence.name] = _score(sequence, args.out / label)
            if sequence.name not in protocols.setdefault(protocol, []):
                protocols[protocol].append(sequence.name)
        for name, each in metrics.with_combined(scores).items():
            rows[name if len(trackers) == 1 else f"{label} {name}"] = each
        rate = frames / seconds if seconds else float("nan")
        speeds.append(f"{label}: tracked at {rate:.0f} frames per second")
    rules = [
        f"protocol: {protocol}" + (f" ({', '.join(names)})" if len(protocols) > 1 else "")
        for protocol, names in sorted(protocols.items())
    ]
    text = "\n".join([metrics.text_table(rows), *speeds, *rules])
    write_atomically(args.out / "table.txt", f"{text}\n")
    print(f"{text}\nwritten to {args.out}")
    return 0


def _sequences(args: argparse.Namespace) -> "list[MotSequence]":
    """The sequences with ground truth below the folder, limited to those of --only."""
    from deepsort_reid.io.mot_sequences import find_sequences

    sequences = [each for each in find_sequences(args.folder) if each.ground_truth is not None]
    known = {each.name for each in sequences}
    for name in args.only:
        if name not in known:
            raise ValueError(f"--only: no sequence {name!r}; there are {', '.join(sorted(known))}")
    if not sequences:
        raise ValueError(f"{args.folder}: expected MOT sequences with gt/gt.txt, found none")
    return [each for each in sequences if not args.only or each.name in args.only]


def _check_distinct(kind: str, names: list[str]) -> None:
    """Refuse equal names: the results are stored by name, so one would overwrite another."""
    for name in sorted(names):
        if names.count(name) > 1:
            raise ValueError(f"expected {kind} with distinct names, got {name!r} more than once")


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
    return partial(DeepSort, read_config(file, settings))


def _detections(sequence: "MotSequence", args: argparse.Namespace) -> "SequenceDetections":
    """The detections of a sequence, with embeddings: the same for every configuration."""
    from deepsort_reid.cli.progress import progress_bar
    from deepsort_reid.cli.tracking_options import make_embedder
    from deepsort_reid.io.detections_npz import read_detections_npz
    from deepsort_reid.vision.detectors import MotDetections, load_detector
    from deepsort_reid.vision.detectors.cache import cached_detections

    file = sequence.detections
    if args.detections is not None:
        saved = args.detections / f"{sequence.name}.npz"
        if saved.is_file():
            return read_detections_npz(saved, sequence.length)
        file = args.detections / f"{sequence.name}.txt"
        if not file.is_file():
            raise FileNotFoundError(f"{saved}: no such file, nor {file.name} beside it")
    if args.detector is None and file is None:
        raise ValueError(f"{sequence.folder}: expected det/det.txt, or --detections or --detector")
    source = str(args.detector or file)
    has_embedder = args.embedder != "none" and (
        args.embedder is not None or sequence.frames is not None
    )
    sources = [_content_key(source)]
    if has_embedder:
        sources.append(_embedder_file(args.embedder, args.device))
    if args.device != "cpu":
        # Other hardware rounds differently.
        sources.append(f"device {args.device}")

    def make_detector() -> Any:
        if args.detector is None:
            return MotDetections(source)
        return load_detector(args.detector, threads=args.threads, device=args.device)

    def progress(frames: Iterator[Any], total: int | None) -> Iterator[Any]:
        return progress_bar(frames, total, quiet=args.quiet)

    return cached_detections(
        sequence,
        args.cache or args.out / "cache",
        make_detector=make_detector,
        make_embedder=partial(make_embedder, args.embedder, args.threads, args.device)
        if has_embedder
        else None,
        sources=sources,
        progress=progress,
    )


def _content_key(source: str) -> Path | str:
    """A file, or words, that determine the content of a detector or file of detections."""
    from deepsort_reid.vision.model_files import DETECTORS

    if source in DETECTORS:
        return f"{source} {DETECTORS[source].sha256}"
    return Path(source) if Path(source).is_file() else source


def _embedder_file(name: str | None, device: str) -> Path | str:
    if name is not None:
        return Path(name)
    from deepsort_reid.vision.embedder import default_precision, shipped_embedder_path

    return shipped_embedder_path(default_precision(device))


def _track(
    sequence: "MotSequence",
    inputs: "SequenceDetections",
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

    assert sequence.ground_truth is not None
    tracker = make_tracker(explain=True) if args.events else make_tracker()
    settings: dict[str, Any] = {
        "sequence": sequence.name,
        "detections_sha256": inputs.digest,
        "truth_sha256": sha256(sequence.ground_truth.read_bytes()).hexdigest(),
        "config": {name: str(value) for name, value in asdict(tracker.config).items()},
        "association": repr(tracker.association),
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
    seconds = 0.0
    with MotWriter(tracks) as writer:
        for number, detections in enumerate(inputs.frames, start=1):
            start = time.perf_counter()
            result = tracker.update(detections)
            seconds += time.perf_counter() - start
            writer.append(number, result)
    if args.events:
        _write_events(sequence, tracks, tracker, events)
    write_atomically(settings_file, json.dumps({**settings, "seconds": seconds}, indent=2))
    return seconds


def _score(sequence: "MotSequence", out: Path) -> "tuple[str, Scores]":
    """The protocol of a sequence and its scores."""
    from deepsort_reid import metrics
    from deepsort_reid.io.mot import read_ground_truth, read_results

    assert sequence.ground_truth is not None
    truth = read_ground_truth(sequence.ground_truth)
    predicted = read_results(out / f"{sequence.name}.txt")
    protocol = metrics.choose_protocol(truth, sequence.name)
    return protocol, metrics.evaluate(truth, predicted, protocol=protocol, frames=sequence.length)


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
