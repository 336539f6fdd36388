"""Image of the tracks of a sequence that were joined to one person, to be looked at.

    python -m benchmarks.person_pairs --out pairs.png

The default tracker with the embedder of the package on PETS09-S2L1. A row of the image is a person
with several tracks, with two crops of each track; the caption is the id of the track and the number
of the frame. Printed are all pairs of successive tracks of a person, and the pairs that share a
frame, which would be two people. The data is under its owners' terms: the image is not published.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.lib import cli_options, inputs, provenance
from benchmarks.lib.inputs import FRAMES, Input
from deepsort_reid.reid.evaluation.montage import Tile, montage
from deepsort_reid.structures.detections import Detections
from deepsort_reid.structures.frame import Frame
from deepsort_reid.tracking import DeepSort
from deepsort_reid.vision.crops import crop_corners
from deepsort_reid.vision.embedder import Embedder

SHOWN = (0.3, 0.7)  # parts of a track after which it is shown


class TrackBoxes(NamedTuple):
    """The boxes of a track: numbers of the frames (N,), from 1, and boxes xyxy (N, 4)."""

    frame: NDArray[np.int64]
    xyxy: NDArray[np.float64]


class Pair(NamedTuple):
    """Two successive tracks of a person."""

    person: int
    first: int
    second: int
    shares_frame: bool


def track(sequence: Input, embedder: Embedder) -> tuple[dict[int, TrackBoxes], dict[int, int]]:
    """Boxes of each track, and its person after the last frame."""
    tracker = DeepSort(embedder=embedder)
    frames, boxes = dict[int, list[int]](), dict[int, list[NDArray[np.float64]]]()
    images = zip(sequence.frames(), sequence.detections, strict=True)
    for number, (image, detections) in enumerate(images, start=1):
        given = Detections(detections.xyxy, detections.score)  # without the stored embeddings
        tracks = tracker.update(given, frame=image)
        for id, xyxy in zip(tracks.id.tolist(), tracks.xyxy, strict=True):
            frames.setdefault(id, []).append(number)
            boxes.setdefault(id, []).append(xyxy)
    tracker.registry.reconsider()
    found = {id: TrackBoxes(np.array(frames[id]), np.array(boxes[id])) for id in sorted(frames)}
    return found, {id: tracker.persons.person_of(id)[0] for id in found}


def pairs_of(tracks: dict[int, TrackBoxes], person_of: dict[int, int]) -> list[Pair]:
    """Pairs of successive tracks of a person, in the order of their first frames."""
    pairs = []
    for person in sorted(set(person_of.values())):
        own = [id for id in tracks if person_of[id] == person]
        own.sort(key=lambda id: int(tracks[id].frame[0]))
        for index, second in enumerate(own[1:], start=1):
            earlier = np.concatenate([tracks[id].frame for id in own[:index]])
            shared = bool(np.isin(tracks[second].frame, earlier).any())
            pairs.append(Pair(person, own[index - 1], second, shared))
    return pairs


def draw(
    sequence: Input, tracks: dict[int, TrackBoxes], pairs: Sequence[Pair]
) -> NDArray[np.uint8]:
    """Draw the persons of the pairs, one in each row."""
    wanted: dict[int, list[tuple[int, int]]] = {}  # frame -> track, row of the track
    rows: dict[int, list[int]] = {}
    for pair in pairs:
        for id in (pair.first, pair.second):
            own = rows.setdefault(pair.person, [])
            if id in own:
                continue
            own.append(id)
            for part in SHOWN:
                row = int(part * len(tracks[id].frame))
                wanted.setdefault(int(tracks[id].frame[row]), []).append((id, row))
    tiles: dict[int, list[Tile]] = {}
    for number, image in enumerate(sequence.frames(), start=1):
        for id, row in wanted.get(number, []):
            crop = _crop(image, tracks[id].xyxy[row])
            tiles.setdefault(id, []).append(Tile(crop, f"{id}: {number}"))
    return montage([[tile for id in own for tile in tiles[id]] for own in rows.values()])


def _crop(image: Frame, xyxy: NDArray[np.float64]) -> Frame:
    corners, _ = crop_corners(xyxy[None], image.shape[1], image.shape[0])
    left, top, right, bottom = corners[0].tolist()
    return image[top:bottom, left:right].copy()


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = cli_options.make_parser("person_pairs", __doc__)
    parser.add_argument(
        "--sequence",
        choices=FRAMES,
        default=FRAMES[0],
        help="sequence, with detections of YOLOX-nano (default: %(default)s)",
    )
    cli_options.add_image_file(parser, "pairs.png")
    cli_options.add_embedder(parser)
    cli_options.add_data(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    args = make_parser().parse_args(argv)
    data = inputs.find_data_root(args.data)
    if data is None:
        return 2
    embedder = Embedder(args.embedder)
    sequence = inputs.load(f"{args.sequence}-yolox", data)
    print(provenance.environment_line("numpy", "opencv-python", "onnxruntime"))
    tracks, person_of = track(sequence, embedder)
    pairs = pairs_of(tracks, person_of)
    persons = len(set(person_of.values()))
    print(f"{sequence.name}: {len(tracks)} tracks, {persons} persons, {len(pairs)} pairs")
    for pair in pairs:
        first, second = tracks[pair.first].frame, tracks[pair.second].frame
        print(
            f"person {pair.person:3}: track {pair.first:3} (frames {first[0]} to {first[-1]}), "
            f"then {pair.second:3} (frames {second[0]} to {second[-1]})"
            + (": they share a frame" if pair.shares_frame else "")
        )
    if pairs and not cv2.imwrite(str(args.out), draw(sequence, tracks, pairs)):
        raise OSError(f"cannot write {Path(args.out)}")
    return 1 if any(pair.shares_frame for pair in pairs) else 0


if __name__ == "__main__":
    sys.exit(main())
