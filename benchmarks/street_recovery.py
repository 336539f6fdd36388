"""Measure re-identification of persons who return to the rendered street after 60 to 900 frames.

    python -m benchmarks.street_recovery

The detections are the ground-truth boxes of sufficient visibility, so every id change is an error
of the tracker. The id two seconds after the return counts, in the rows of `person_id` the person;
that of another person at any time until then counts as wrong or swapped. In the last rows, the
person counts that is known when the track after the return has ended. Embeddings are computed from
the images once and cached.
"""

import argparse
import hashlib
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.lib import cli_options, provenance, reliability
from benchmarks.lib.configurations import CUMULATIVE
from benchmarks.refinement import track_all
from deepsort_reid.scene.street import Absence, Street
from deepsort_reid.structures.detections import Detections
from deepsort_reid.structures.mot_rows import MotRows
from deepsort_reid.tracking import DeepSort, FixedLag
from deepsort_reid.vision.embedder import Embedder

Ids = NDArray[np.int64]

GAPS = (60, 300, 900)
PEOPLE, FRAMES = 16, 1300
MIN_VISIBILITY = 0.3  # visible fraction of the body from which a person is detected
REID_WINDOW = 50  # frames after the return until which a person must have an id
NAME_WIDTH = 32  # of the first column
PERSON = "person_id of "  # names of the rows in which the person counts, not the id
TRACKERS: dict[str, Callable[[], Any]] = {
    **CUMULATIVE,
    f"{PERSON}DeepSort()": DeepSort,
    f"{PERSON}FixedLag(.., 30)": lambda: FixedLag(DeepSort(), frames=30),
}


AT_END = f"{PERSON}ended tracks"  # name of the rows in which the person at the end counts


class Outcome(Enum):
    """The id of a person after a return."""

    SAME = "same id"
    NEW = "new id"
    WRONG = "wrong id"  # id of an absent person
    SWAPPED = "swapped"  # id of a present person
    NONE = "no id"  # not tracked before the absence or within REID_WINDOW


@dataclass(frozen=True, eq=False)
class Observed:
    """Detections of each frame of a street, and their identities."""

    street: Street
    detections: tuple[Detections, ...]
    identity: tuple[NDArray[np.int64], ...]


def observe(street: Street, embedder: Callable[..., Any], store: Path | None = None) -> Observed:
    """Return detections and identities of all visible persons.

    They are read from the file `store` if it exists, else computed and written to it.
    """
    if store is None or not store.is_file():
        columns = _render(street, embedder)
        if store is not None:
            store.parent.mkdir(parents=True, exist_ok=True)
            np.savez(store, **columns)
    else:
        columns = dict(np.load(store))
    rows = [np.flatnonzero(columns["frame"] == k) for k in range(1, street.frames + 1)]
    return Observed(
        street,
        tuple(Detections(columns["xyxy"][k], embedding=columns["embedding"][k]) for k in rows),
        tuple(columns["identity"][k] for k in rows),
    )


def visible_rows(street: Street, rows: MotRows) -> MotRows:
    """Return the ground truth of detectable persons, with boxes clipped to the frame."""
    return street.clipped(rows[rows.visibility >= MIN_VISIBILITY])


def _render(street: Street, embedder: Callable[..., Any]) -> dict[str, NDArray[Any]]:
    frames, boxes, identities, embeddings = [], [], [], []
    for number, image, rows in street:
        visible = visible_rows(street, rows)
        frames.append(np.full(len(visible), number))
        boxes.append(visible.xyxy)
        identities.append(visible.id)
        embeddings.append(embedder(image, visible.xyxy))
    return {
        "frame": np.concatenate(frames),
        "xyxy": np.concatenate(boxes),
        "identity": np.concatenate(identities),
        "embedding": np.concatenate(embeddings),
    }


def track_ids(tracker: Any, observed: Observed, *, persons: bool = False) -> Ids:
    """Return the id of every person in every frame: (frames, people), 0 for none.

    persons: the `person_id` of the tracks instead of their `id`.
    """
    ids = np.zeros((observed.street.frames, observed.street.people), dtype=np.int64)
    for number, tracks in track_all(tracker, observed.detections):
        matched, identity = tracks.detection >= 0, observed.identity[number - 1]
        shown = tracks.person_id if persons else tracks.id
        ids[number - 1, identity[tracks.detection[matched]] - 1] = shown[matched]
    return ids


def joins_of_street(observed: Observed) -> reliability.Joins:
    """Return the joins of the tracks of `DeepSort()` to persons, as known at the end."""
    tracker = DeepSort()
    ids = track_ids(tracker, observed)
    persons = [
        [
            (int(np.bincount(np.nonzero(ids == each.id)[1] + 1, minlength=1).argmax()), each)
            for each in sorted(tracks, key=lambda track: track.first_time)
        ]
        for tracks in tracker.registry.persons.values()
    ]
    return reliability.joins_of(
        [(identity, track.probability) for identity, track in person] for person in persons
    )


def outcomes(ids: Ids, street: Street) -> list[tuple[int, Outcome]]:
    """Return (frames of absence, outcome) of every return to the street; `ids` of `track_ids`."""
    found = []
    for absence in street.returns:
        column = ids[:, absence.identity - 1]
        back = absence.back_at - 1
        before = column[:back][column[:back] > 0]
        after = column[back : back + REID_WINDOW]
        after = after[after > 0]
        if not len(before) or not len(after):
            outcome = Outcome.NONE
        else:
            outcome = _id_of_another(ids, street, absence) or (
                Outcome.SAME if after[-1] in before else Outcome.NEW
            )
        found.append((absence.frames, outcome))
    return found


def outcomes_at_end(observed: Observed) -> list[tuple[int, Outcome]]:
    """Return (frames of absence, outcome) of every return, as known when its track has ended."""
    street, tracker = observed.street, DeepSort()
    ids = np.zeros((street.frames, street.people), dtype=np.int64)
    persons: dict[int, list[int]] = {}  # of all tracks, by the id of the track that ended

    def known() -> list[int]:
        return [0, *tracker.persons.current(list(range(1, tracker.last_id + 1))).tolist()]

    for number, tracks in track_all(tracker, observed.detections):
        identity = observed.identity[number - 1]
        ids[number - 1, identity[tracks.detection] - 1] = tracks.id
        for event in tracker.events:
            if event.kind == "left":
                persons[event.id] = known()
    at_last = known()
    found = []
    for absence in street.returns:
        back, column = absence.back_at - 1, ids[:, absence.identity - 1]
        before, after = column[:back], column[back : back + REID_WINDOW]
        if not before.any() or not after.any():
            outcome = Outcome.NONE
        else:
            id = int(after[after > 0][0])
            outcome = _outcome_of_track(ids, street, absence, id, persons.get(id, at_last))
        found.append((absence.frames, outcome))
    return found


def _outcome_of_track(
    ids: Ids, street: Street, absence: Absence, id: int, persons: list[int]
) -> Outcome:
    """The outcome of the track with this id; `persons` of each id, as known when it ended."""
    back, own = absence.back_at - 1, absence.identity - 1
    person_of = np.array([*persons, *[0] * (ids.max() + 1 - len(persons))])
    shown = person_of[ids[:back]]  # (frames, people)
    if (shown[:, own] == persons[id]).any():
        return Outcome.SAME
    owners = np.flatnonzero((shown == persons[id]).any(axis=0)) + 1
    if not len(owners):
        return Outcome.NEW
    present = street.rows(absence.back_at).id
    return Outcome.SWAPPED if np.isin(owners, present).any() else Outcome.WRONG


def _id_of_another(ids: Ids, street: Street, absence: Absence) -> Outcome | None:
    """Return WRONG or SWAPPED if the returned person had an id of another person, else None."""
    found, person = None, absence.identity - 1
    for row in range(absence.back_at - 1, min(absence.back_at - 1 + REID_WINDOW, len(ids))):
        track_id = ids[row, person]
        owners = np.flatnonzero((ids[:row] == track_id).any(axis=0)) + 1
        if track_id == 0 or absence.identity in owners or not len(owners):
            continue
        if not np.isin(owners, street.rows(row + 1).id).any():
            return Outcome.WRONG
        found = Outcome.SWAPPED
    return found


def report(name: str, found: list[tuple[int, Outcome]]) -> list[str]:
    """Return a line for each planned length of absence, and one for all returns."""
    groups = [(f"{gap} frames", [o for frames, o in found if frames == gap]) for gap in GAPS]
    groups.append(("all returns", [outcome for _, outcome in found]))
    rows = []
    for title, group in groups:
        count = Counter(group)
        shares = "".join(f"{_percent(count[kind], len(group)):>14}" for kind in Outcome)
        rows.append(f"{name:{NAME_WIDTH}} {title:12}{len(group):5d}{shares}")
    return rows


def _percent(part: int, total: int) -> str:
    return f"{100 * part / total:.1f} %" if total else "-"


def street_of(seed: int, frames: int = FRAMES, people: int = PEOPLE) -> Street:
    """Return a street whose first nine persons leave once, three for each length of absence."""
    absences = [gap for gap in GAPS for _ in range(3) if gap < 0.75 * frames]
    return Street(seed=seed, people=people, frames=frames, absences=absences)


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = cli_options.make_parser("street_recovery", __doc__)
    parser.add_argument(
        "--seeds",
        type=int,
        nargs="+",
        default=[0, 1],
        metavar="N",
        help="random seeds; one street for each (default: 0 1)",
    )
    cli_options.add_number(parser, "--frames", FRAMES, "frames per street")
    cli_options.add_number(parser, "--people", PEOPLE, "persons per street")
    cli_options.add_embedder(parser)
    parser.add_argument(
        "--only",
        default="",
        metavar="TEXT",
        help="measure only configurations whose name contains TEXT (default: all)",
    )
    parser.add_argument(
        "--reliability",
        action="store_true",
        help="print which share of the joins of tracks to persons is right, by probability "
        "(default: no)",
    )
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
    scenes = []
    for seed in args.seeds:
        street = street_of(seed, args.frames, args.people)
        probe = embedder(
            street.frame(1), street.rows(1).xyxy
        )  # cache key: the output of this model
        key = hashlib.sha256(repr(street).encode() + np.round(probe, 3).tobytes()).hexdigest()[:24]
        scenes.append(observe(street, embedder, args.cache / f"rendered-street-{key}.npz"))
    header = "".join(f"{kind.value:>14}" for kind in Outcome)
    print(f"{'':{NAME_WIDTH}} {'absence':12}{'count':>5}{header}")
    for name, factory in TRACKERS.items():
        if args.only in name:
            persons, found = name.startswith(PERSON), []
            for observed in scenes:
                ids = track_ids(factory(), observed, persons=persons)
                found += outcomes(ids, observed.street)
            print("\n".join(report(name, found)), flush=True)
    if args.only in AT_END:
        at_end = [outcome for observed in scenes for outcome in outcomes_at_end(observed)]
        print("\n".join(report(AT_END, at_end)), flush=True)
    if args.reliability:
        found_joins = [join for observed in scenes for join in joins_of_street(observed)]
        print("\n".join(reliability.table(found_joins)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
