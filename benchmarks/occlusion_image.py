"""Write an image of one occlusion on the rendered street with the tracks of two trackers.

    python -m benchmarks.occlusion_image            # writes docs/images/occlusion.jpg

It shows the longest occlusion after which DeepSORT as published changes the id and the default does
not. Detections are the ground-truth boxes of sufficient visibility, embeddings come from the
embedder of the package.
"""

import argparse
from collections.abc import Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.lib import cli_options
from benchmarks.street_recovery import MIN_VISIBILITY, visible_rows
from deepsort_reid import Detections, Embedder
from deepsort_reid.scene import Street
from deepsort_reid.structures.tracks import Tracks
from deepsort_reid.tracking import DeepSort, published
from deepsort_reid.vision.drawing import draw_tracks

CROP_HALF_SIZE = (150, 100)  # pixels around the person: horizontally, vertically
ZOOM = 1.5
TRACKERS = {"DeepSORT as published": published, "DeepSort()": DeepSort}

TracksByTracker = dict[str, list[Tracks]]  # name -> tracks of each frame


class Occlusion(NamedTuple):
    """An interval in which one person is not visible; frames count from 0."""

    identity: int
    last: int  # last visible frame before
    first: int  # first visible frame after

    @property
    def frames(self) -> int:
        """Number of frames without the person."""
        return self.first - self.last - 1


def track_street(street: Street, embedder: Any) -> tuple[list[NDArray[np.uint8]], TracksByTracker]:
    """Return the frames, and the tracks of each tracker on the same detections."""
    trackers = {name: make() for name, make in TRACKERS.items()}
    frames: list[NDArray[np.uint8]] = []
    tracks: TracksByTracker = {name: [] for name in trackers}
    for _, frame, rows in street:
        visible = visible_rows(street, rows)
        detections = Detections(visible.xyxy, embedding=embedder(frame, visible.xyxy))
        frames.append(frame)
        for name, tracker in trackers.items():
            tracks[name].append(tracker.update(detections, frame=frame))
    return frames, tracks


def occlusions(street: Street) -> list[Occlusion]:
    """Return all occlusions inside the frame, the longest first."""
    truth, found = street.truth, []
    for identity in range(1, street.people + 1):
        own = truth[truth.id == identity]
        visible = own.frame[own.visibility >= MIN_VISIBILITY] - 1
        for gap in np.flatnonzero(np.diff(visible) > 1).tolist():
            last, first = int(visible[gap]), int(visible[gap + 1])
            present = own.frame[(own.frame - 1 > last) & (own.frame - 1 < first)]
            inside = np.abs(street.clipped(own).xyxy - own.xyxy).max(axis=1) < 1
            if len(present) == first - last - 1 and inside[np.isin(own.frame, present)].all():
                found.append(Occlusion(identity, last, first))
    return sorted(found, key=lambda occlusion: -occlusion.frames)


def track_id_of(street: Street, tracks: Tracks, identity: int, frame: int) -> int:
    """Return the track id of an identity in a frame (from 0), 0 for none."""
    visible = visible_rows(street, street.rows(frame + 1))
    ids = tracks.id_of_detection(len(visible))
    rows = np.flatnonzero(visible.id == identity)
    return int(ids[rows[0]]) if len(rows) else 0


def find_id_change(
    street: Street, tracks: TracksByTracker, candidates: Sequence[Occlusion], after: int
) -> Occlusion | None:
    """Return the first occlusion after which the first tracker changes the id, the second does not.

    Ids are compared `after` frames after the end of the occlusion. None when there is no such
    occlusion.
    """
    first, second = tracks.values()
    for occlusion in candidates:
        shown = occlusion.first + after
        if shown >= street.frames:
            continue
        ids = [
            [
                track_id_of(street, by_frame[k], occlusion.identity, k)
                for k in (occlusion.last, shown)
            ]
            for by_frame in (first, second)
        ]
        if min(map(min, ids)) > 0 and ids[0][0] != ids[0][1] and ids[1][0] == ids[1][1]:
            return occlusion
    return None


def draw_occlusion(
    street: Street,
    frames: Sequence[NDArray[np.uint8]],
    tracks: TracksByTracker,
    occlusion: Occlusion,
    after: int,
) -> NDArray[np.uint8]:
    """Return an image with a row for each tracker: before, during and after the occlusion."""
    middle = (occlusion.last + occlusion.first) // 2
    numbers = (max(occlusion.last - after, 0), middle, occlusion.first + after)
    strips = []
    for name, by_frame in tracks.items():
        tiles = [_tile(street, frames[k], by_frame[k], occlusion.identity, k) for k in numbers]
        for number, tile in zip(numbers, tiles, strict=True):
            _draw_label(tile, f"frame {number + 1}", tile.shape[0] - 10)
        _draw_label(tiles[0], name, 24)
        strips.append(np.hstack(tiles))
    return np.vstack(strips)


def _tile(
    street: Street, frame: NDArray[np.uint8], tracks: Tracks, identity: int, number: int
) -> NDArray[np.uint8]:
    rows = street.rows(number + 1)
    left, top, right, bottom = rows.xyxy[rows.id == identity][0]
    drawn = draw_tracks(frame, tracks, {})
    height, width = frame.shape[:2]
    x = int(np.clip((left + right) / 2, CROP_HALF_SIZE[0], width - CROP_HALF_SIZE[0]))
    y = int(np.clip((top + bottom) / 2, CROP_HALF_SIZE[1], height - CROP_HALF_SIZE[1]))
    crop = drawn[
        y - CROP_HALF_SIZE[1] : y + CROP_HALF_SIZE[1], x - CROP_HALF_SIZE[0] : x + CROP_HALF_SIZE[0]
    ]
    tile = cv2.resize(crop, None, fx=ZOOM, fy=ZOOM, interpolation=cv2.INTER_CUBIC)
    cv2.rectangle(tile, (0, 0), (tile.shape[1] - 1, tile.shape[0] - 1), (255, 255, 255), 2)
    return np.asarray(tile, dtype=np.uint8)


def _draw_label(tile: NDArray[np.uint8], text: str, bottom: int) -> None:
    font, size = cv2.FONT_HERSHEY_SIMPLEX, 0.6
    (width, height), _ = cv2.getTextSize(text, font, size, 1)
    cv2.rectangle(tile, (2, bottom - height - 8), (width + 16, bottom + 8), (255, 255, 255), -1)
    cv2.putText(tile, text, (8, bottom), font, size, (24, 24, 24), 1, cv2.LINE_AA)


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = cli_options.make_parser("occlusion_image", __doc__)
    cli_options.add_image_file(parser, "docs/images/occlusion.jpg")
    cli_options.add_number(parser, "--seed", 5, "random seed of the street")
    cli_options.add_number(parser, "--people", 14, "persons on the street")
    cli_options.add_number(parser, "--frames", 300, "length of the video")
    cli_options.add_number(
        parser, "--after", 12, "frames between the occlusion and the images before and after"
    )
    cli_options.add_embedder(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    args = make_parser().parse_args(argv)
    street = Street(seed=args.seed, people=args.people, frames=args.frames)
    frames, tracks = track_street(street, Embedder(args.embedder))
    chosen = find_id_change(street, tracks, occlusions(street), args.after)
    if chosen is None:
        print(
            f"seed {args.seed}: no occlusion changes the id of the first tracker only; "
            "try another seed"
        )
        return 1
    print(
        f"person {chosen.identity} is occluded for {chosen.frames} frames from {chosen.last + 2} on"
    )
    args.out.parent.mkdir(parents=True, exist_ok=True)
    image = draw_occlusion(street, frames, tracks, chosen, args.after)
    cv2.imwrite(str(args.out), image, [cv2.IMWRITE_JPEG_QUALITY, 88])
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
