"""`deepsort-reid find`: one person through a video by appearance alone."""

import argparse
import csv
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from deepsort_reid.io.video_reader import Video
    from deepsort_reid.reid.person_search import SearchSummary
    from deepsort_reid.structures.mot_rows import MotRows

REFERENCES = ("gallery", "last")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("query", help="an image of the person, or their box in the first frame: x,y,w,h")
    add("source", help="video file, folder of images or MOT sequence folder")
    add("--out", type=Path, default=Path("found"), help="folder (default: %(default)s)")
    add("--embedder", help="FILE.onnx (default: the embedder of the package)")
    add("--threshold", type=float, default=0.7, help="least cosine (default: %(default)s)")
    add(
        "--reference",
        choices=REFERENCES,
        default="gallery",
        help="compare with a gallery of sure matches, or with the last match alone",
    )
    add("--detections", type=Path, help="MOT file of the boxes to choose from")
    add("--detector", help="background, FILE.onnx, or the name of a torchvision COCO model")
    add("--detector-weights", type=Path, help="weights of a torchvision model")
    add("--min-score", type=float, help="leave out detections below")
    add("--truth", type=Path, help="MOT ground truth (default: gt/gt.txt of a sequence folder)")
    add("--gt-boxes", action="store_true", help="choose among the labelled boxes, not detections")
    add(
        "--identity",
        type=int,
        nargs="+",
        metavar="ID",
        help="of the person in the truth: where QUERY is an image, or who comes back gets a new id",
    )
    add("--start", type=int, default=1, help="first frame, from 1; a query box lies in it")
    add("--stop", type=int, help="last frame")
    add("--every", type=int, default=1, metavar="N", help="every Nth frame only")
    add("--threads", type=int, help="of the CPU")
    add("--quiet", action="store_true", help="no progress bar")


def run(args: argparse.Namespace) -> None:
    from deepsort_reid.cli.progress import progress_bar
    from deepsort_reid.cli.tracking_options import count_frames, make_detector
    from deepsort_reid.io.video_reader import open_video
    from deepsort_reid.reid.evaluation.montage import write_png
    from deepsort_reid.reid.person_search import (
        Gallery,
        LastMatch,
        SearchSummary,
        find_person,
        search_montage,
    )
    from deepsort_reid.vision.detectors import MotDetections
    from deepsort_reid.vision.embedder import Embedder

    box = query_box(args.query)
    video = open_video(args.source)
    truth = _truth(args, video)
    embedder = Embedder(args.embedder, threads=args.threads)
    query = _embed_query(args, box, video, embedder)
    person = _person(args, box, truth)
    if args.gt_boxes:
        if truth is None:
            raise ValueError("--gt-boxes needs labels: --truth FILE")
        detector: Any = MotDetections(truth, start=args.start, every=args.every)
    else:
        detector, _ = make_detector(args, print)
    reference = (Gallery if args.reference == "gallery" else LastMatch)(query)
    frames = video.iter_frames(args.start, args.stop, args.every)
    results = []
    for result in find_person(
        progress_bar(frames, count_frames(video.length, args), quiet=args.quiet),
        lambda frame: detector(frame).xyxy,
        embedder,
        reference,
        threshold=args.threshold,
        truth=person,
    ):
        # The frame of a query box is where we start from, not what we find.
        if box is None or result.frame != args.start:
            results.append(result)
    search = SearchSummary(results)
    args.out.mkdir(parents=True, exist_ok=True)
    _write_csv(args.out / "results.csv", search)
    _print(search, person)
    if any(result.crop is not None for result in results):
        write_png(args.out / "montage.png", search_montage(results))
        print(f"montage: {args.out / 'montage.png'}")


def query_box(query: str) -> NDArray[np.float64] | None:
    """x,y,w,h as xyxy (4,); None when the query names a file.

    Raises ValueError when it is neither.
    """
    from deepsort_reid.structures.boxes import tlwh_to_xyxy

    if Path(query).is_file():
        return None
    try:
        numbers = [float(part) for part in query.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != 4 or not np.isfinite(numbers).all() or min(numbers[2:]) <= 0:
        raise ValueError(
            f"query: expected an image file or a box x,y,w,h in pixels, got {query!r}"
            + ("" if "," in query else " (no such file)")
        )
    return np.asarray(tlwh_to_xyxy(np.array([numbers]))[0], np.float64)


def _embed_query(
    args: argparse.Namespace, box: NDArray[np.float64] | None, video: "Video", embedder: Any
) -> NDArray[np.float32]:
    from deepsort_reid.reid.data.datasets import read_crop

    if box is None:
        image = read_crop(args.query)
        return np.asarray(embedder.embed_crops([image])[0], np.float32)
    _, frame = next(video.iter_frames(args.start, args.start))
    embedding = np.asarray(embedder(frame, box[None])[0], np.float32)
    if not embedding.any():
        raise ValueError(
            f"query: the box {args.query} lies outside the frame of {video.size[0]}x"
            f"{video.size[1]} px; expected x,y,w,h with x, y its upper left corner"
        )
    return embedding


def _truth(args: argparse.Namespace, video: "Video") -> "MotRows | None":
    """All labelled people of the source; None without labels."""
    from deepsort_reid.io.mot import read_ground_truth
    from deepsort_reid.reid.data.crop_extraction import select_pedestrians

    beside = Path(args.source) / "gt" / "gt.txt"
    path = args.truth or (beside if beside.is_file() else None)
    if path is None:
        return None
    truth = select_pedestrians(read_ground_truth(path))
    last = int(truth.frame.max(initial=0))
    if args.stop is None and video.length is not None and last > video.length:
        raise ValueError(
            f"{path}: the labels go to frame {last} but {args.source} has {video.length} frames: "
            f"give the whole video, or --stop {video.length}"
        )
    return truth


def _person(
    args: argparse.Namespace, box: NDArray[np.float64] | None, truth: "MotRows | None"
) -> "MotRows | None":
    """The labels of the person we look for; None where it is not known who that is."""
    from deepsort_reid.reid.person_search import identity_at

    if truth is None:
        if args.identity is not None:
            raise ValueError("--identity needs labels: --truth FILE")
        return None
    identities = args.identity
    if identities is None:
        if box is None:
            return None
        identities = [identity_at(truth, args.start, box)]
    for identity in identities:
        if not (truth.id == identity).any():
            raise ValueError(f"--identity: nobody in the labels has the id {identity}")
    return truth[np.isin(truth.id, identities)]


def _write_csv(path: Path, search: "SearchSummary") -> None:
    from deepsort_reid.structures.boxes import xyxy_to_tlwh

    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("frame", "x", "y", "w", "h", "similarity", "outcome"))
        for s in search.results:
            box = ("",) * 4 if s.xyxy is None else xyxy_to_tlwh(s.xyxy[None])[0].round(2).tolist()
            writer.writerow((s.frame, *box, f"{s.similarity:.4f}", s.outcome.value))


def _print(search: "SearchSummary", person: "MotRows | None") -> None:
    from deepsort_reid.reid.person_search import Outcome

    matches = search.count(Outcome.FOUND)
    if person is None:
        print(f"found in {matches} of {len(search.results)} frames; nothing to compare with")
        print(
            "(give --truth FILE, and --identity ID for an image, to learn the share that is right)"
        )
        return
    if not search.frames_present:
        print("the labels show the person in none of these frames")
        return
    print(
        f"re-identified in {matches} of {search.frames_present} frames ({search.recall:.1%}); "
        f"{search.count(Outcome.WRONG)} somebody else, {search.count(Outcome.MISSED)} missed, "
        f"{search.count(Outcome.FALSE_ALARM)} false alarms in "
        f"{len(search.results) - search.frames_present} frames without them"
    )
    if search.frames_without_candidate:
        print(
            f"in {search.frames_without_candidate} of these frames no detection overlaps the person"
        )
