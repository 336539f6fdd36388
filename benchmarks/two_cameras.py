"""Measure the persons of two rendered cameras, between which people walk.

    python -m benchmarks.two_cameras                    # seeds 5 to 9
    python -m benchmarks.two_cameras --views apart --seeds 0 1 2 3 4

The second camera has another street, darker light and another colour balance. Apart: a person
walks from one view to the other in 4 to 15 s, and the topology says 2 to 40 s. Overlapping: the
second camera stands across the street and looks back, both see a person at the same time, and the
topology says `same_place`. Each camera has the default tracker; both share one registry. The
detections are the ground-truth boxes of sufficient visibility, as in `street_recovery`.

IDF1 counts the persons of both cameras as one set of identities. Visits are walks through one view
of persons who were seen before, in either: the person two seconds after the beginning of the visit
counts; that of somebody else at any time until then counts as wrong or swapped. "As shown" is
the person as it is known in each frame, "at the end" that of people.csv.
"""

import argparse
import hashlib
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.lib import cli_options, provenance
from benchmarks.street_recovery import REID_WINDOW, Observed, Outcome, observe
from deepsort_reid.identity import PersonRegistry, Topology
from deepsort_reid.metrics.scores import Scores, evaluate
from deepsort_reid.scene import TwoCameras
from deepsort_reid.structures.mot_rows import MotRows
from deepsort_reid.tracking import DeepSort
from deepsort_reid.vision.embedder import Embedder

Ids = NDArray[np.int64]

PEOPLE, FRAMES = 12, 1000
CAMERAS = ("first", "second")
VIEWS = ("apart", "overlapping")
TRAVEL_TIME = (2.0, 40.0)  # seconds
NAME_WIDTH = 26  # of the first column


@dataclass(frozen=True, eq=False)
class Tracked:
    """Persons of both cameras: (cameras, frames, people), 0 for none, by the identity in truth."""

    shown: Ids  # as known in the frame
    final: Ids  # as known after the last frame


class Visit(NamedTuple):
    """A walk through the view of one camera of somebody who was in view of one before."""

    camera: int
    person: int  # column
    begin: int  # row of the first frame


def topology_of(views: str) -> Topology:
    """What the registry is told about the two cameras."""
    if views == "overlapping":
        return Topology(CAMERAS, same_place=[CAMERAS])
    return Topology(CAMERAS, travel_time={CAMERAS: TRAVEL_TIME, CAMERAS[::-1]: TRAVEL_TIME})


def track(observed: Sequence[Observed], topology: Topology) -> Tracked:
    """Track both cameras frame by frame, with one registry."""
    registry = PersonRegistry(topology=topology)
    trackers = [DeepSort(registry=registry, camera=camera) for camera in CAMERAS]
    shape = len(CAMERAS), observed[0].street.frames, observed[0].street.people
    shown, ids = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
    for frame in range(shape[1]):
        for camera, tracker in enumerate(trackers):
            seen = observed[camera]
            tracks = tracker.update(seen.detections[frame], time=frame / seen.street.frame_rate)
            matched = tracks.detection >= 0
            column = seen.identity[frame][tracks.detection[matched]] - 1
            shown[camera, frame, column] = tracks.person_id[matched]
            ids[camera, frame, column] = tracks.id[matched]
    registry.reconsider()
    final = np.zeros(shape, dtype=np.int64)
    for camera, tracker in enumerate(trackers):
        for id in set(ids[camera].ravel().tolist()) - {0}:
            final[camera][ids[camera] == id] = tracker.persons.person_of(id)[0]
    return Tracked(shown, final)


def score(observed: Sequence[Observed], persons: Ids) -> Scores:
    """Scores of persons (cameras, frames, people): frames of the cameras one after the other."""
    truth, predicted = [], []
    for camera, seen in enumerate(observed):
        for frame, (detections, identity) in enumerate(
            zip(seen.detections, seen.identity, strict=True)
        ):
            number = camera * seen.street.frames + frame + 1
            person = persons[camera, frame, identity - 1]
            truth.append(rows_of(number, identity, detections.xyxy))
            predicted.append(rows_of(number, person[person > 0], detections.xyxy[person > 0]))
    return evaluate(MotRows.concatenate(truth), MotRows.concatenate(predicted), protocol="plain")


def rows_of(number: int, identity: Ids, xyxy: NDArray[np.float64]) -> MotRows:
    """Rows of one frame; every box counts in full."""
    ones = np.ones(len(identity))
    frame = np.full(len(identity), number)
    return MotRows(frame, identity, xyxy, ones, ones.astype(np.int64), ones)


def visits_of(present: NDArray[np.bool_]) -> Iterator[Visit]:
    """Visits of persons who are present in the truth: (cameras, frames, people)."""
    for camera, person in np.ndindex(present.shape[0], present.shape[2]):
        begins = np.flatnonzero(np.diff(present[camera, :, person].astype(int), prepend=0) > 0)
        for begin in begins.tolist():
            if present[:, :begin, person].any():
                yield Visit(camera, person, begin)


def outcome_of(visit: Visit, persons: Ids, present: NDArray[np.bool_]) -> Outcome:
    """Outcome of a visit; `persons` and `present` are (cameras, frames, people)."""
    camera, person, begin = visit
    window = persons[camera, begin : begin + REID_WINDOW, person]
    before = persons[:, :begin, person]
    if not (before > 0).any() or not (window > 0).any():
        return Outcome.NONE
    found = Outcome.SAME if window[window > 0][-1] in before else Outcome.NEW
    for row, number in enumerate(window.tolist(), start=begin):
        owners = np.flatnonzero((persons[:, :row] == number).any(axis=(0, 1)))
        if number == 0 or person in owners or not len(owners):
            continue
        if not present[:, row, owners].any():
            return Outcome.WRONG
        found = Outcome.SWAPPED
    return found


def presence(scene: TwoCameras) -> NDArray[np.bool_]:
    """Whether a person is in the truth of a camera: (cameras, frames, people)."""
    present = np.zeros((len(CAMERAS), scene.frames, scene.people), dtype=bool)
    for camera, street in enumerate(scene.cameras):
        present[camera, street.truth.frame - 1, street.truth.id - 1] = True
    return present


def observe_both(
    scene: TwoCameras, embedder: Callable[..., Any], cache: Path | None
) -> list[Observed]:
    """Detections of both cameras; they are rendered once and cached."""
    found = []
    for camera, street in zip(CAMERAS, scene.cameras, strict=True):
        store = None
        if cache is not None:
            # Part of the key: the output of this model.
            probe = embedder(street.frame(1), np.array([[100.0, 100.0, 200.0, 300.0]]))
            text = f"{scene!r} {street!r} {camera}"
            key = hashlib.sha256(text.encode() + np.round(probe, 3).tobytes()).hexdigest()[:24]
            store = cache / f"two-cameras-{key}.npz"
        found.append(observe(street, embedder, store))
    return found


def report(name: str, scores: Scores, outcomes: Sequence[Outcome]) -> str:
    """One line of the table."""
    count, total = Counter(outcomes), len(outcomes)
    shares = "".join(
        f"{100 * count[kind] / total:>12.1f} %" if total else f"{'-':>14}" for kind in Outcome
    )
    return f"{name:{NAME_WIDTH}}{100 * scores.identity.idf1:>8.1f} %{total:>8}{shares}"


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = cli_options.make_parser("two_cameras", __doc__)
    parser.add_argument(
        "--views",
        choices=VIEWS,
        nargs="+",
        default=VIEWS,
        help="where the cameras stand (default: apart overlapping)",
    )
    parser.add_argument(
        "--seeds",
        type=int,
        nargs="+",
        default=[5, 6, 7, 8, 9],
        metavar="N",
        help="random seeds; two cameras for each (default: 5 6 7 8 9)",
    )
    cli_options.add_number(parser, "--frames", FRAMES, "frames per camera")
    cli_options.add_number(parser, "--people", PEOPLE, "persons per scene")
    cli_options.add_embedder(parser)
    cli_options.add_cache(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    args = make_parser().parse_args(argv)
    try:
        embedder = Embedder(args.embedder)
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    print(provenance.environment_line("numpy", "opencv-python", "onnxruntime"))
    print(f"{args.people} people, {args.frames} frames, seeds {args.seeds}, {embedder.name}")
    header = "".join(f"{kind.value:>14}" for kind in Outcome)
    print(f"{'':{NAME_WIDTH}}{'IDF1':>10}{'visits':>8}{header}")
    for views in args.views:
        totals = {name: (Scores(), list[Outcome]()) for name in ("as shown", "at the end")}
        for seed in args.seeds:
            scene = TwoCameras(
                seed=seed,
                people=args.people,
                frames=args.frames,
                overlapping=views == "overlapping",
            )
            observed = observe_both(scene, embedder, args.cache)
            tracked, present = track(observed, topology_of(views)), presence(scene)
            visits = list(visits_of(present))
            for name, persons in (("as shown", tracked.shown), ("at the end", tracked.final)):
                scores, outcomes = totals[name]
                outcomes += [outcome_of(visit, persons, present) for visit in visits]
                totals[name] = scores + score(observed, persons), outcomes
        for name, (scores, outcomes) in totals.items():
            print(report(f"{views}, {name}", scores, outcomes), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
