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

if TYPE_CHECKING:
    from deepsort_reid.io.detections_npz import SequenceDetections
    from deepsort_reid.io.mot_sequences import MotSequence
    from deepsort_reid.metrics import Scores
    from deepsort_reid.tracking import DeepSort

PUBLISHED = "published"
DEFAULT = "default"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument("folder", type=Path, help="with MOT sequences below it, gt/gt.txt in each")
    parser.add_argument("--out", type=Path, default=Path("benchmark"), help="(default: benchmark)")
    parser.add_argument(
        "--detections",
        type=Path,
        metavar="DIR",
        help="saved detections, DIR/SEQUENCE.npz or .txt (default: det/det.txt of each sequence)",
    )
    parser.add_argument("--detector", help="detect instead: background, FILE.onnx or a name")
    parser.add_argument(
        "--embedder", help="FILE.onnx, or none (default: the package's, where there are frames)"
    )
    parser.add_argument(
        "--config",
        action="append",
        default=[],
        metavar="FILE.json|default|published",
        help="a row of the table; may be given several times (default: default)",
    )
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="SEQUENCE",
        help="this sequence alone; may be given several times",
    )
    parser.add_argument("--events", action="store_true", help="and why each identity changed")
    parser.add_argument("--cache", type=Path, help="folder of detections made (default: OUT/cache)")
    parser.add_argument("--threads", type=int, help="CPU threads of detector and embedder")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")


def run(args: argparse.Namespace) -> int:
    """Print one table; leave tracks, configuration, versions and digests to reproduce it."""
    from deepsort_reid import metrics
    from deepsort_reid.io.mot_sequences import find_sequences

    sequences = [each for each in find_sequences(args.folder) if each.ground_truth is not None]
    if args.only:
        sequences = _only(sequences, args.only)
    if not sequences:
        raise ValueError(f"{args.folder}: expected MOT sequences with gt/gt.txt, found none")
    _check_distinct("sequences", [each.name for each in sequences])
    _check_distinct("configurations", [_label(name) for name in args.config])
    configurations = {_label(name): _tracker_of(name) for name in args.config or [DEFAULT]}
    args.out.mkdir(parents=True, exist_ok=True)
    inputs: dict[str, SequenceDetections] = {}
    rows: dict[str, Scores] = {}
    speeds: dict[str, float] = {}
    protocols: dict[str, list[str]] = {}
    for name, make in configurations.items():
        scores: dict[str, Scores] = {}
        frames, seconds = 0, 0.0
        for sequence in sequences:
            if sequence.name not in inputs:
                inputs[sequence.name] = _inputs(sequence, args)
            given = inputs[sequence.name]
            spent = _track(sequence, given, make, args.out / name, args)
            protocol, scores[sequence.name] = _score(sequence, args.out / name)
            if sequence.name not in protocols.setdefault(protocol, []):
                protocols[protocol].append(sequence.name)
            frames, seconds = frames + len(given.frames), seconds + spent
        for row, found in metrics.with_combined(scores).items():
            rows[row if len(configurations) == 1 else f"{name} {row}"] = found
        speeds[name] = frames / seconds if seconds else float("nan")
    table = metrics.text_table(rows)
    speed = "\n".join(
        f"{name}: tracked at {fps:.0f} frames per second" for name, fps in speeds.items()
    )
    rules = "\n".join(
        f"protocol: {protocol}" + (f" ({', '.join(names)})" if len(protocols) > 1 else "")
        for protocol, names in sorted(protocols.items())
    )
    (args.out / "table.txt").write_text(f"{table}\n{speed}\n{rules}\n", encoding="utf-8")
    print(f"{table}\n{speed}\n{rules}\nwritten to {args.out}")
    return 0


def _only(sequences: "list[MotSequence]", names: list[str]) -> "list[MotSequence]":
    known = {each.name for each in sequences}
    for name in names:
        if name not in known:
            raise ValueError(f"--only: no sequence {name!r}; there are {', '.join(sorted(known))}")
    return [each for each in sequences if each.name in names]


def _check_distinct(kind: str, names: list[str]) -> None:
    """Results are kept by name: of two of one name one would be lost."""
    for name in sorted(names):
        if names.count(name) > 1:
            raise ValueError(f"expected {kind} of different names, got {name!r} more than once")


def _label(config: str) -> str:
    return config if config in (DEFAULT, PUBLISHED) else Path(config).stem


def _tracker_of(config: str) -> "Callable[..., DeepSort]":
    """What makes a new tracker of a configuration: default, published or a JSON file."""
    from deepsort_reid.cli.tracking_options import read_config
    from deepsort_reid.tracking import DeepSort, published

    if config == PUBLISHED:
        return published
    return partial(DeepSort, None if config == DEFAULT else read_config(Path(config)))


def _inputs(sequence: "MotSequence", args: argparse.Namespace) -> "SequenceDetections":
    """The detections that every configuration gets."""
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
        raise ValueError(f"{sequence.folder}: expected det/det.txt; or name a --detector")
    word = str(args.detector or file)
    named = args.embedder is not None
    wants_looks = args.embedder != "none" and (named or sequence.frames is not None)
    sources: list[Path | str] = [Path(word) if Path(word).is_file() else word]
    if wants_looks:
        sources.append(_embedder_file(args.embedder))

    def detector() -> Any:
        if args.detector is None:
            return MotDetections(word)
        return load_detector(args.detector, threads=args.threads)

    def bar(found: Iterator[Any], total: int | None) -> Iterator[Any]:
        return progress_bar(found, total, quiet=args.quiet)

    return cached_detections(
        sequence,
        args.cache or args.out / "cache",
        make_detector=detector,
        make_embedder=partial(make_embedder, args.embedder, args.threads) if wants_looks else None,
        sources=sources,
        progress=bar,
    )


def _embedder_file(name: str | None) -> Path | str:
    if name is not None:
        return Path(name)
    from deepsort_reid.vision.embedder import shipped_embedder_path

    return shipped_embedder_path()


def _track(
    sequence: "MotSequence",
    given: "SequenceDetections",
    make: "Callable[..., DeepSort]",
    out: Path,
    args: argparse.Namespace,
) -> float:
    """Track one sequence, unless this very run was done before; returns the seconds it took."""
    from deepsort_reid.cli.output_folder import versions
    from deepsort_reid.io.atomic import write_atomically
    from deepsort_reid.io.track_writers import MotWriter

    assert sequence.ground_truth is not None
    tracker = make(record=True) if args.events else make()
    run_card: dict[str, Any] = {
        "sequence": sequence.name,
        "detections_sha256": given.digest,
        "truth_sha256": sha256(sequence.ground_truth.read_bytes()).hexdigest(),
        "config": {name: str(value) for name, value in asdict(tracker.config).items()},
        "association": repr(tracker.association),
        "versions": versions(),
    }
    card, tracks = out / f"{sequence.name}.json", out / f"{sequence.name}.txt"
    events = out / f"{sequence.name}.events.csv"
    if card.is_file() and tracks.is_file() and (events.is_file() or not args.events):
        done = json.loads(card.read_text(encoding="utf-8"))
        seconds = done.pop("seconds", 0.0)
        if done == run_card:
            return float(seconds)
    # Before anything of it changes: nothing half done, or of another run, must pass for this one.
    card.unlink(missing_ok=True)
    events.unlink(missing_ok=True)
    out.mkdir(parents=True, exist_ok=True)
    seconds = 0.0
    with MotWriter(tracks) as writer:
        for number, detections in enumerate(given.frames, start=1):
            start = time.perf_counter()
            found = tracker.update(detections)
            seconds += time.perf_counter() - start
            writer.append(number, found)
    if args.events:
        _write_events(sequence, tracks, tracker, events)
    # Last: a card says that the run beside it is complete.
    write_atomically(card, json.dumps({**run_card, "seconds": seconds}, indent=2))
    return seconds


def _score(sequence: "MotSequence", out: Path) -> "tuple[str, Scores]":
    """The protocol that the truth calls for, and the scores under it."""
    from deepsort_reid import metrics
    from deepsort_reid.io.mot import read_ground_truth, read_results

    assert sequence.ground_truth is not None
    truth = read_ground_truth(sequence.ground_truth)
    predicted = read_results(out / f"{sequence.name}.txt")
    protocol = metrics.choose_protocol(truth, sequence.name)
    return protocol, metrics.evaluate(truth, predicted, protocol=protocol, frames=sequence.length)


def _write_events(sequence: "MotSequence", tracks: Path, tracker: "DeepSort", path: Path) -> None:
    """Every mishap of one sequence, each switch with its cause."""
    from deepsort_reid import metrics
    from deepsort_reid.io.mot import read_ground_truth, read_results

    assert sequence.ground_truth is not None
    assert tracker.record is not None
    truth = read_ground_truth(sequence.ground_truth)
    comparison = metrics.compare_under_rules(
        truth,
        read_results(tracks),
        metrics.ScoringRules(),
        frames=sequence.length,
        name=sequence.name,
    )
    found = metrics.events(comparison, truth)
    found = metrics.attribute_switches(found, comparison, truth, tracker.record)
    path.write_text(metrics.events_csv({sequence.name: found}), encoding="utf-8")
