"""Search for every person of PETS09-S2L1 by appearance, alone and with the persons of a tracker.

    python -m benchmarks.find_person

The query is the first labelled box of a person; the following frames are searched among all
labelled boxes. MATLAB's example "Reidentify People Throughout a Video Sequence Using ReID Network"
reports 68 of 73 frames for one person of its video.
"""

import argparse
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks.lib import cli_options, inputs, provenance
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
from deepsort_reid.structures.detections import Detections
from deepsort_reid.structures.mot_rows import MotRows
from deepsort_reid.tracking import DeepSort
from deepsort_reid.vision.embedder import Embedder

Embedding = NDArray[np.float32]


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = cli_options.make_parser("find_person", __doc__)
    cli_options.add_data(parser)
    cli_options.add_embedder(parser)
    cli_options.add_number(parser, "--frames", 73, "frames to search after the query; 0: all")
    parser.add_argument(
        "--threshold",
        type=float,
        default=0.6,
        help="cosine similarity from which a box matches (default: %(default)s)",
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    args = make_parser().parse_args(argv)
    folder = inputs.data_folder(args.data) / "mot" / "PETS09-S2L1"
    truth = select_pedestrians(read_ground_truth(folder / "gt" / "gt.txt"))
    embedder = Embedder(args.embedder)
    embedding = np.zeros((len(truth), embedder.embedding_dim), np.float32)
    for number, frame in iter_frames(folder):
        rows = truth.frame == number
        embedding[rows] = embedder(frame, truth.xyxy[rows])
    print(provenance.environment_line("numpy", "onnxruntime"))
    print(f"{embedder.name}, threshold {args.threshold}")
    persons = persons_of(truth, embedding)
    rows = (("last match", LastMatch, None), ("gallery", Gallery, None))
    for name, make_reference, numbers in (*rows, ("gallery, person", Gallery, persons)):
        limits = args.frames, args.threshold
        searches = [
            search(truth, embedding, int(identity), make_reference, *limits, numbers)
            for identity in np.unique(truth.id)
        ]
        print(f"{name:<15}  {summary_line(searches)}")
    return 0


def persons_of(truth: MotRows, embedding: Embedding) -> NDArray[np.int64]:
    """Person (N,) of each labelled box as known in its frame, by the default tracker."""
    tracker, persons = DeepSort(), np.zeros(len(truth), np.int64)
    for number in range(1, int(truth.frame.max()) + 1):
        rows = np.flatnonzero(truth.frame == number)
        tracks = tracker.update(Detections(truth.xyxy[rows], embedding=embedding[rows]))
        matched = tracks.detection >= 0
        persons[rows[tracks.detection[matched]]] = tracks.person_id[matched]
    return persons


def summary_line(searches: Sequence[SearchSummary]) -> str:
    """Add up the outcomes of several searches."""
    found = sum(s.count(Outcome.FOUND) for s in searches)
    present = sum(s.frames_present for s in searches)
    alarms = sum(s.count(Outcome.FALSE_ALARM) for s in searches)
    wrong = sum(s.count(Outcome.WRONG) for s in searches)
    median = np.median([s.recall for s in searches])
    return (
        f"{found} of {present} frames of {len(searches)} persons "
        f"({found / present:.1%}; median person {median:.1%}), {wrong} wrong, "
        f"{alarms} false alarms"
    )


def search(
    truth: MotRows,
    embedding: Embedding,
    identity: int,
    make_reference: Callable[[Embedding], Reference],
    frames: int,
    threshold: float,
    persons: NDArray[np.int64] | None = None,
) -> SearchSummary:
    """Search for one identity among the labelled boxes after its first frame.

    Args:
        truth: labelled boxes of all identities.
        embedding: their embeddings (N, D), unit rows.
        identity: the identity to search for.
        make_reference: makes the reference of the query embedding (D,).
        frames: number of frames to search; 0 for all.
        threshold: cosine similarity from which a box matches.
        persons: person (N,) of each box, by which it matches, too.
    """
    own = truth[truth.id == identity]
    first = int(own.frame.min())
    last = first + frames if frames else int(truth.frame.max())
    query = embedding[(truth.frame == first) & (truth.id == identity)][0]
    blank = np.zeros((1, 1, 3), np.uint8)  # not used: the boxes have embeddings already
    numbers = iter(range(first + 1, last + 1))
    in_frame = np.zeros(len(truth), np.bool_)

    def detect(_: NDArray[np.uint8]) -> NDArray[np.float64]:
        in_frame[:] = truth.frame == next(numbers)
        return truth.xyxy[in_frame]

    results = find_person(
        ((number, blank) for number in range(first + 1, last + 1)),
        detect,
        lambda frame, xyxy: embedding[in_frame],
        make_reference(query),
        threshold=threshold,
        truth=own,
        identify=None if persons is None else lambda *_: persons[in_frame],
    )
    return SearchSummary(list(results))


if __name__ == "__main__":
    raise SystemExit(main())
