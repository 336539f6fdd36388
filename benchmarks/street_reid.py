"""Who comes back to the rendered street, and does he get his id back? After 60, 300, 900 frames.

    python -m benchmarks.street_reid

The detections are the truth boxes that are visible enough, so every change of id is the tracker's
own. What counts is the id two seconds after the return; wrong or swapped is also who had somebody
else's on the way. Embeddings come from the pixels, computed once and kept in the cache folder.
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

from benchmarks.lib import provenance
from benchmarks.lib.configurations import ALTERNATIVES, RUNGS, other_ids
from benchmarks.lib.embedding_cache import default_cache
from benchmarks.refinement import track_all
from deepsort_reid.scene.street import Absence, Street
from deepsort_reid.structures.detections import Detections
from deepsort_reid.structures.mot_rows import MotRows
from deepsort_reid.tracking import FixedLag
from deepsort_reid.vision.embedder import Embedder

Ids = NDArray[np.int64]

GAPS = (60, 300, 900)
PEOPLE, FRAMES = 16, 1300
VISIBLE = 0.3  # share of the body from which somebody is detected
GRACE = 50  # frames after the return within which somebody has to have an id
TRACKERS: dict[str, Callable[[], Any]] = {
    **other_ids(RUNGS),
    "id_correction_window=50": ALTERNATIVES["new ids reconsidered"],
    "id_correction_window, lag 30": lambda: FixedLag(
        ALTERNATIVES["new ids reconsidered"](), frames=30
    ),
}


class Outcome(Enum):
    """What a person who comes back is called."""

    SAME = "same id"
    NEW = "new id"
    WRONG = "wrong id"  # of somebody who is away: taken for the wrong person
    SWAPPED = "swapped"  # the id of somebody who is there: lost while passing each other
    NONE = "no id"  # not tracked before or not within GRACE


@dataclass(frozen=True, eq=False)
class Observed:
    """A street as a tracker sees it: detections of each frame, and who they are."""

    street: Street
    detections: tuple[Detections, ...]
    person: tuple[NDArray[np.int64], ...]


def observe(street: Street, embedder: Callable[..., Any], store: Path | None = None) -> Observed:
    """Boxes and embeddings of everybody visible, frame by frame; from `store` when it is there."""
    if store is None or not store.is_file():
        columns = _render(street, embedder)
        if store is not None:
            store.parent.mkdir(parents=True, exist_ok=True)
            np.savez(store, **columns)
    else:
        columns = dict(np.load(store))
    here = [np.flatnonzero(columns["frame"] == k) for k in range(1, street.frames + 1)]
    return Observed(
        street,
        tuple(Detections(columns["xyxy"][k], embedding=columns["embedding"][k]) for k in here),
        tuple(columns["person"][k] for k in here),
    )


def visible(street: Street, rows: MotRows) -> MotRows:
    """Of one frame's truth those who can be detected, as far as they are in the picture."""
    return street.clipped(rows[rows.visibility >= VISIBLE])


def _render(street: Street, embedder: Callable[..., Any]) -> dict[str, NDArray[Any]]:
    frames, boxes, people, embeddings = [], [], [], []
    for number, picture, rows in street:
        seen = visible(street, rows)
        frames.append(np.full(len(seen), number))
        boxes.append(seen.xyxy)
        people.append(seen.id)
        embeddings.append(embedder(picture, seen.xyxy))
    return {
        "frame": np.concatenate(frames),
        "xyxy": np.concatenate(boxes),
        "person": np.concatenate(people),
        "embedding": np.concatenate(embeddings),
    }


def follow(tracker: Any, observed: Observed) -> NDArray[np.int64]:
    """The id of every person (P,) in every frame (F,): (F, P), 0 where none."""
    given = np.zeros((observed.street.frames, observed.street.people), dtype=np.int64)
    for number, tracks in track_all(tracker, observed.detections):
        seen, person = tracks.detection >= 0, observed.person[number - 1]
        given[number - 1, person[tracks.detection[seen]] - 1] = tracks.id[seen]
    return given


def outcomes(given: NDArray[np.int64], street: Street) -> list[tuple[int, Outcome]]:
    """(frames away, what happened) of every return to the street."""
    found = []
    for absence in street.returns:
        column = given[:, absence.identity - 1]
        back = absence.back_at - 1
        before = column[:back][column[:back] > 0]
        after = column[back : back + GRACE]
        after = after[after > 0]
        if not len(before) or not len(after):
            outcome = Outcome.NONE
        else:
            outcome = _mixed_up(given, street, absence) or (
                Outcome.SAME if after[-1] in before else Outcome.NEW
            )
        found.append((absence.frames, outcome))
    return found


def _mixed_up(given: Ids, street: Street, absence: Absence) -> Outcome | None:
    """Whether somebody who is back had an id of others, and where those were then."""
    found, person = None, absence.identity - 1
    for row in range(absence.back_at - 1, min(absence.back_at - 1 + GRACE, len(given))):
        id = given[row, person]
        owners = np.flatnonzero((given[:row] == id).any(axis=0)) + 1
        if id == 0 or absence.identity in owners or not len(owners):
            continue
        if not np.isin(owners, street.rows(row + 1).id).any():
            return Outcome.WRONG
        found = Outcome.SWAPPED
    return found


def lines(name: str, found: list[tuple[int, Outcome]]) -> list[str]:
    """A row for each planned absence, and one for all returns."""
    groups = [(f"{gap} frames", [o for away, o in found if away == gap]) for gap in GAPS]
    groups.append(("all returns", [outcome for _, outcome in found]))
    rows = []
    for title, group in groups:
        count = Counter(group)
        shares = "".join(f"{_percent(count[kind], len(group)):>14}" for kind in Outcome)
        rows.append(f"{name:20} {title:12}{len(group):5d}{shares}")
    return rows


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "-"


def street_of(seed: int, frames: int = FRAMES, people: int = PEOPLE) -> Street:
    """A long street whose first nine people each leave once, three for each gap."""
    fitting = [gap for gap in GAPS for _ in range(3) if gap < 0.75 * frames]
    return Street(seed=seed, people=people, frames=frames, absences=fitting)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--frames", type=int, default=FRAMES)
    parser.add_argument("--people", type=int, default=PEOPLE)
    parser.add_argument("--embedder", type=Path, metavar="ONNX", help="default: the shipped one")
    parser.add_argument("--only", default="", metavar="TEXT", help="rungs whose name has TEXT")
    parser.add_argument("--cache", type=Path, default=default_cache(), metavar="DIR")
    args = parser.parse_args(argv)
    try:
        embedder = Embedder(args.embedder)
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    print(provenance.line("numpy", "opencv-python", "onnxruntime"))
    print(f"{args.people} people, {args.frames} frames, seeds {args.seeds}, {embedder.name}")
    scenes = []
    for seed in args.seeds:
        street = street_of(seed, args.frames, args.people)
        probe = embedder(street.frame(1), street.rows(1).xyxy)  # the key: what this model says
        key = hashlib.sha256(repr(street).encode() + np.round(probe, 3).tobytes()).hexdigest()[:24]
        scenes.append(observe(street, embedder, args.cache / f"street-{key}.npz"))
    header = "".join(f"{kind.value:>14}" for kind in Outcome)
    print(f"{'':20} {'away':12}{'times':>5}{header}")
    for name, make in TRACKERS.items():
        if args.only in name:
            found = [each for o in scenes for each in outcomes(follow(make(), o), o.street)]
            print("\n".join(lines(name, found)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
