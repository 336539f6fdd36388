"""How long one person is followed by appearance alone: PETS09-S2L1, every person as the query.

    python -m benchmarks.find_person [--data FOLDER] [--embedder FILE.onnx] [--frames 73]

The query is the first labelled box of a person; the next frames are searched among all labelled
boxes. MATLAB's example "Reidentify People Throughout a Video Sequence Using ReID Network" reports
68 of 73 frames for one person of its video.
"""

import argparse
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.lib import provenance
from deepsort_reid.io.mot import read_ground_truth
from deepsort_reid.io.video_reader import iter_frames
from deepsort_reid.reid.data.crop_extraction import select_pedestrians
from deepsort_reid.reid.person_search import (
    Gallery,
    LastMatch,
    Outcome,
    Reference,
    SearchSummary,
    find_person,
)
from deepsort_reid.structures.mot_rows import MotRows
from deepsort_reid.vision.embedder import Embedder

Embedding = NDArray[np.float32]


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    data = os.environ.get("DEEPSORT_REID_DATA", "../shared/data")
    parser.add_argument("--data", type=Path, default=Path(data))
    parser.add_argument("--embedder", type=Path, help="default: the shipped one")
    parser.add_argument("--frames", type=int, default=73, help="after the query; 0: all")
    parser.add_argument("--threshold", type=float, default=0.7)
    args = parser.parse_args(argv)
    folder = args.data / "mot" / "PETS09-S2L1"
    truth = select_pedestrians(read_ground_truth(folder / "gt" / "gt.txt"))
    embedder = Embedder(args.embedder)
    embedding = np.zeros((len(truth), embedder.embedding_dim), np.float32)
    for number, frame in iter_frames(folder):
        rows = truth.frame == number
        embedding[rows] = embedder(frame, truth.xyxy[rows])
    print(provenance.line("numpy", "onnxruntime"))
    print(f"{embedder.name}, threshold {args.threshold}")
    for name, make in (("last match", LastMatch), ("gallery", Gallery)):
        searches = [
            follow(truth, embedding, int(person), make, args.frames, args.threshold)
            for person in np.unique(truth.id)
        ]
        found = sum(s.count(Outcome.FOUND) for s in searches)
        present = sum(s.frames_present for s in searches)
        alarms = sum(s.count(Outcome.FALSE_ALARM) for s in searches)
        wrong = sum(s.count(Outcome.WRONG) for s in searches)
        shares = [s.recall for s in searches]
        print(
            f"{name:<10}  {found} of {present} frames of {len(searches)} people "
            f"({found / present:.1%}; median person {np.median(shares):.1%}), {wrong} wrong, "
            f"{alarms} false alarms"
        )
    return 0


def follow(
    truth: MotRows,
    embedding: Embedding,
    person: int,
    make: Callable[[Embedding], Reference],
    frames: int,
    threshold: float,
) -> SearchSummary:
    """SearchSummary for one person after their first frame, among the labelled boxes."""
    own = truth[truth.id == person]
    first = int(own.frame.min())
    last = first + frames if frames else int(truth.frame.max())
    query = embedding[(truth.frame == first) & (truth.id == person)][0]
    blank = np.zeros((1, 1, 3), np.uint8)  # the boxes are embedded already: nobody looks at it
    numbers = iter(range(first + 1, last + 1))
    here = np.zeros(len(truth), np.bool_)

    def detect(_: NDArray[np.uint8]) -> NDArray[np.float64]:
        here[:] = truth.frame == next(numbers)
        return truth.xyxy[here]

    return SearchSummary(
        list(
            find_person(
                ((number, blank) for number in range(first + 1, last + 1)),
                detect,
                lambda frame, xyxy: embedding[here],
                make(query),
                threshold=threshold,
                truth=own,
            )
        )
    )


if __name__ == "__main__":
    raise SystemExit(main())
