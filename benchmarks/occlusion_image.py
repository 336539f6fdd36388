"""One occlusion before and after: the street as two trackers see it, from the same detections.

    python -m benchmarks.occlusion_image            # writes docs/occlusion.jpg

Of all times that somebody is hidden on the rendered street and comes out again, the longest one is
shown that costs DeepSORT as published the id and the default not. Detections are the truth boxes
that are visible enough, embeddings those of the package.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.street_reid import VISIBLE, visible
from deepsort_reid import Detections, Embedder
from deepsort_reid.scene import Street
from deepsort_reid.structures.tracks import Tracks
from deepsort_reid.tracking import DeepSort, published
from deepsort_reid.vision.drawing import draw_tracks

AROUND = (150, 100)  # pixels of the picture around a hidden person, to each side, up and down
ZOOM = 1.5
TRACKERS = {"DeepSORT as published": published, "DeepSort()": DeepSort}

Followed = dict[str, list[Tracks]]  # tracker -> the tracks of each frame


class Occlusion(NamedTuple):
    """Somebody is seen, not seen, and seen again; frames from 0."""

    person: int
    last: int
    first: int

    @property
    def hidden(self) -> int:
        """How many frames nothing is seen."""
        return self.first - self.last - 1


def follow(street: Street, embedder: Any) -> tuple[list[NDArray[np.uint8]], Followed]:
    """The frames, and what each tracker makes of the same detections."""
    trackers = {name: make() for name, make in TRACKERS.items()}
    frames: list[NDArray[np.uint8]] = []
    found: Followed = {name: [] for name in trackers}
    for _, frame, rows in street:
        seen = visible(street, rows)
        detections = Detections(seen.xyxy, embedding=embedder(frame, seen.xyxy))
        frames.append(frame)
        for name, tracker in trackers.items():
            found[name].append(tracker.update(detections, frame=frame))
    return frames, found


def occlusions(street: Street) -> list[Occlusion]:
    """All of them, the longest first; somebody who leaves the picture is not hidden."""
    truth, found = street.truth, []
    for person in range(1, street.people + 1):
        own = truth[truth.id == person]
        seen = own.frame[own.visibility >= VISIBLE] - 1
        for gap in np.flatnonzero(np.diff(seen) > 1).tolist():
            last, first = int(seen[gap]), int(seen[gap + 1])
            there = own.frame[(own.frame - 1 > last) & (own.frame - 1 < first)]
            inside = np.abs(street.clipped(own).xyxy - own.xyxy).max(axis=1) < 1
            if len(there) == first - last - 1 and inside[np.isin(own.frame, there)].all():
                found.append(Occlusion(person, last, first))
    return sorted(found, key=lambda each: -each.hidden)


def id_of(street: Street, tracks: Tracks, person: int, frame: int) -> int:
    """The id that a person has in a frame, 0 for none."""
    seen = visible(street, street.rows(frame + 1))
    ids = tracks.id_of_detection(len(seen))
    here = np.flatnonzero(seen.id == person)
    return int(ids[here[0]]) if len(here) else 0


def changed_and_kept(
    street: Street, found: Followed, times: Sequence[Occlusion], after: int
) -> Occlusion | None:
    """The first occlusion that changes the id of the first tracker and not of the second."""
    before, kept = found.values()
    for each in times:
        shown = each.first + after
        if shown >= street.frames:
            continue
        ids = [
            [id_of(street, tracks[k], each.person, k) for k in (each.last, shown)]
            for tracks in (before, kept)
        ]
        if min(map(min, ids)) > 0 and ids[0][0] != ids[0][1] and ids[1][0] == ids[1][1]:
            return each
    return None


def picture(
    street: Street,
    frames: Sequence[NDArray[np.uint8]],
    found: Followed,
    each: Occlusion,
    after: int,
) -> NDArray[np.uint8]:
    """A row for each tracker: before, hidden, after."""
    numbers = (max(each.last - after, 0), (each.last + each.first) // 2, each.first + after)
    strips = []
    for name, tracks in found.items():
        tiles = [_tile(street, frames[k], tracks[k], each.person, k) for k in numbers]
        for number, tile in zip(numbers, tiles, strict=True):
            _write(tile, f"frame {number + 1}", tile.shape[0] - 10)
        _write(tiles[0], name, 24)
        strips.append(np.hstack(tiles))
    return np.vstack(strips)


def _tile(
    street: Street, frame: NDArray[np.uint8], tracks: Tracks, person: int, number: int
) -> NDArray[np.uint8]:
    rows = street.rows(number + 1)
    left, top, right, bottom = rows.xyxy[rows.id == person][0]
    drawn = draw_tracks(frame, tracks, {})
    height, width = frame.shape[:2]
    x = int(np.clip((left + right) / 2, AROUND[0], width - AROUND[0]))
    y = int(np.clip((top + bottom) / 2, AROUND[1], height - AROUND[1]))
    cut = drawn[y - AROUND[1] : y + AROUND[1], x - AROUND[0] : x + AROUND[0]]
    tile = cv2.resize(cut, None, fx=ZOOM, fy=ZOOM, interpolation=cv2.INTER_CUBIC)
    cv2.rectangle(tile, (0, 0), (tile.shape[1] - 1, tile.shape[0] - 1), (255, 255, 255), 2)
    return np.asarray(tile, dtype=np.uint8)


def _write(tile: NDArray[np.uint8], text: str, bottom: int) -> None:
    font, size = cv2.FONT_HERSHEY_SIMPLEX, 0.6
    (width, height), _ = cv2.getTextSize(text, font, size, 1)
    cv2.rectangle(tile, (2, bottom - height - 8), (width + 16, bottom + 8), (255, 255, 255), -1)
    cv2.putText(tile, text, (8, bottom), font, size, (24, 24, 24), 1, cv2.LINE_AA)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, default=Path("docs/occlusion.jpg"))
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--people", type=int, default=14)
    parser.add_argument("--frames", type=int, default=300)
    parser.add_argument("--after", type=int, default=12, help="frames shown after it, and before")
    parser.add_argument("--embedder", help="FILE.onnx (default: the package's own)")
    args = parser.parse_args(argv)
    street = Street(seed=args.seed, people=args.people, frames=args.frames)
    frames, found = follow(street, Embedder(args.embedder))
    chosen = changed_and_kept(street, found, occlusions(street), args.after)
    if chosen is None:
        print(f"seed {args.seed}: no occlusion changes the one id and not the other")
        return 1
    print(f"person {chosen.person} is hidden for {chosen.hidden} frames from {chosen.last + 2} on")
    args.out.parent.mkdir(parents=True, exist_ok=True)
    shown = picture(street, frames, found, chosen, args.after)
    cv2.imwrite(str(args.out), shown, [cv2.IMWRITE_JPEG_QUALITY, 88])
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
