"""`deepsort-reid find`: find one person in a video by appearance."""

import argparse
import csv
import io
import itertools
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.cli.live_options import add_live_arguments, make_live_options
from deepsort_reid.cli.progress import print_note, progress_bar
from deepsort_reid.cli.tracking_options import (
    add_detector_arguments,
    add_device_argument,
    add_frame_arguments,
    count_frames,
    make_detector,
)
from deepsort_reid.io.appended_file import AppendedFile

if TYPE_CHECKING:
    from deepsort_reid.io.video import Video
    from deepsort_reid.reid.person_search import SearchResult, SearchSummary
    from deepsort_reid.structures.frame import Frame
    from deepsort_reid.structures.mot_rows import MotRows

REFERENCES = ("gallery", "last")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "query",
        help="image of the person, or box x,y,w,h of the person in the first frame, in pixels",
    )
    add("source", help="video, folder of images, MOT sequence folder, camera number or stream URL")
    add(
        "--out",
        type=Path,
        default=Path("found"),
        metavar="FOLDER",
        help="folder for results.csv and montage.png (default: %(default)s)",
    )
    add(
        "--ids",
        choices=("person", "track"),
        default="person",
        help="number of each match in results.csv: person is the same when the person returns, "
        "track is not; a frame in which no one is similar enough, but the person or track of most "
        "matches is in view, is a match, too (default: %(default)s)",
    )
    _add_search_arguments(parser)
    add_detector_arguments(parser)
    _add_truth_arguments(parser)
    add_frame_arguments(parser)
    add_live_arguments(parser)
    add("--threads", type=int, metavar="N", help="CPU threads (default: chosen by ONNX Runtime)")
    add_device_argument(parser, "detector and embedder")
    add("--quiet", action="store_true", help="no progress bar (default: shown on a terminal)")


def _add_search_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("search").add_argument
    add(
        "--embedder",
        metavar="FILE.onnx",
        help="ONNX file of an embedder (default: the embedder of the package)",
    )
    add(
        "--threshold",
        type=float,
        default=0.6,
        metavar="COSINE",
        help="lowest cosine similarity of a match, -1 to 1 (default: %(default)s)",
    )
    add(
        "--reference",
        choices=REFERENCES,
        default="gallery",
        help="compare with a gallery of the query and confident matches, or with the last match "
        "(default: %(default)s)",
    )


def _add_truth_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("ground truth").add_argument
    add(
        "--truth",
        type=Path,
        metavar="FILE",
        help="ground truth in MOT format, to score the search (default: gt/gt.txt of a sequence "
        "folder, else none)",
    )
    add(
        "--gt-boxes",
        action="store_true",
        help="use the ground truth boxes as candidates (default: detections)",
    )
    add(
        "--identity",
        type=int,
        nargs="+",
        metavar="ID",
        help="ids of the person in the ground truth; several where the person has a new id after "
        "an absence (default: the label at the query box; none for an image)",
    )


def run(args: argparse.Namespace) -> None:
    from deepsort_reid.io.video_reader import open_video
    from deepsort_reid.reid.person_search import Gallery, LastMatch, find_person
    from deepsort_reid.vision.embedder import Embedder

    box = query_box(args.query)
    video = open_video(args.source, live=make_live_options(args, "find"))
    truth = _truth(args, video)
    embedder = Embedder(args.embedder, threads=args.threads, device=args.device)
    # One iteration for the query and the search: a camera has no second one.
    with closing(video.iter_timed_frames(args.start, args.stop, args.every)) as frames:
        first = next(frames, None)
        if first is None:
            raise ValueError(f"{video.name}: expected a frame {args.start}, the video ends before")
        query = _embed_query(args.query, box, first.frame, embedder)
        person = _person(args, box, truth)
        detector = _IdentifiedDetector(_detector(args, truth), args.ids, args.every)
        times: dict[int, float] = {}

        def numbered() -> Iterator[tuple[int, "Frame"]]:
            for timed in itertools.chain([first], frames):
                times[timed.number] = timed.time
                yield timed.number, timed.frame

        results = find_person(
            progress_bar(numbered(), count_frames(video.length, args), quiet=args.quiet),
            detector.boxes,
            embedder,
            (Gallery if args.reference == "gallery" else LastMatch)(query),
            threshold=args.threshold,
            truth=person,
            identify=detector.identify,
        )
        # A query box is the start of the search, not a match.
        start = None if box is None else args.start
        found = ((each, times.pop(each.frame)) for each in results)
        kept = (each for each in found if each[0].frame != start)
        _write_results(args.out, kept, person, args.ids)


class _IdentifiedDetector:
    """Detector whose detections are tracked, for their numbers.

    Args:
        detector: frame -> `Detections`.
        ids: "person" or "track".
        every: frames from one that is read to the next.
    """

    def __init__(self, detector: Any, ids: str, every: int) -> None:
        from deepsort_reid.tracking import DeepSort

        self._detector, self._ids, self._every = detector, ids, every
        self._tracker = DeepSort()
        self._score: NDArray[np.float64] = np.empty(0)

    def boxes(self, frame: "Frame") -> NDArray[np.float64]:
        """Boxes xyxy (M, 4) of a frame."""
        found = self._detector(frame)
        self._score = found.score
        return np.asarray(found.xyxy, np.float64)

    def identify(
        self, frame: "Frame", xyxy: NDArray[np.float64], embedding: NDArray[np.float32]
    ) -> NDArray[np.int64]:
        """Numbers (M,) of the boxes of that frame, with embeddings (M, D); 0 for no track yet."""
        from deepsort_reid.structures.detections import Detections

        given = embedding if len(xyxy) else None
        detections = Detections(xyxy, self._score, embedding=given)
        tracks = self._tracker.update(detections, frame=frame, dt=float(self._every))
        numbers = np.zeros(len(xyxy), np.int64)
        is_matched = tracks.detection >= 0
        shown = tracks.person_id if self._ids == "person" else tracks.id
        numbers[tracks.detection[is_matched]] = shown[is_matched]
        return numbers


def _write_results(
    out: Path,
    found: "Iterable[tuple[SearchResult, float]]",
    person: "MotRows | None",
    ids: str,
) -> None:
    """Write results and times in seconds as they come, then summary and montage.

    A stop, or an error, loses nothing that was found before.
    """
    from deepsort_reid.reid.evaluation.montage import write_png
    from deepsort_reid.reid.person_search import SearchLog, SearchSummary, search_montage

    log, file = SearchLog(), None
    try:
        for result, time in found:
            if file is None:
                file = _open_results(out, ids)
            file.append(_csv_line(_csv_row(result, time)))
            log.append(result)
    finally:
        if file is not None:
            file.close()
            _print_summary(SearchSummary(log.results), person)
            if any(result.crop is not None for result in log.results):
                write_png(out / "montage.png", search_montage(log.results))
                print_note(f"montage: {out / 'montage.png'}")
    if file is None:
        raise ValueError("nothing to search: the query is in the only frame")


def _open_results(out: Path, ids: str) -> AppendedFile:
    out.mkdir(parents=True, exist_ok=True)
    path = out / "results.csv"
    path.unlink(missing_ok=True)
    file = AppendedFile(path)
    columns = ("frame", "time", "x", "y", "w", "h", "similarity", "outcome", ids)
    file.append(_csv_line(columns))
    return file


def _csv_row(result: "SearchResult", time: float) -> tuple[object, ...]:
    from deepsort_reid.structures.boxes import xyxy_to_tlwh

    box = [""] * 4
    if result.xyxy is not None:
        box = xyxy_to_tlwh(result.xyxy[None])[0].round(2).tolist()
    outcome = f"{result.similarity:.4f}", result.outcome.value, result.number or ""
    return (result.frame, f"{time:.3f}", *box, *outcome)


def _csv_line(cells: Iterable[object]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text).writerow(cells)
    return text.getvalue()


def _detector(args: argparse.Namespace, truth: "MotRows | None") -> Any:
    """The detector of the candidates."""
    from deepsort_reid.vision.detectors import MotDetections

    if not args.gt_boxes:
        return make_detector(args, print_note)[0]
    if truth is None:
        raise ValueError("--gt-boxes needs ground truth: --truth FILE")
    return MotDetections(truth, start=args.start, every=args.every)


def query_box(query: str) -> NDArray[np.float64] | None:
    """Parse a query box x,y,w,h to xyxy (4,); None when the query is the path of a file.

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
    query: str, box: NDArray[np.float64] | None, frame: "Frame", embedder: Any
) -> NDArray[np.float32]:
    """Embedding (D,) of the query image, or of the query box in the first frame."""
    from deepsort_reid.reid.data.datasets import read_crop

    if box is None:
        return np.asarray(embedder.embed_crops([read_crop(query)])[0], np.float32)
    embedding = np.asarray(embedder(frame, box[None])[0], np.float32)
    if not embedding.any():
        raise ValueError(
            f"query: expected a box x,y,w,h inside the frame of {frame.shape[1]}x{frame.shape[0]} "
            f"px, with x, y its upper left corner, got {query}"
        )
    return embedding


def _truth(args: argparse.Namespace, video: "Video") -> "MotRows | None":
    """Labelled pedestrians of the source; None without ground truth."""
    from deepsort_reid.io.mot import read_ground_truth
    from deepsort_reid.reid.data.crop_extraction import select_pedestrians

    default = Path(args.source) / "gt" / "gt.txt"
    path = args.truth or (default if default.is_file() else None)
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
    """Labels of the person; None where its identity is not known."""
    from deepsort_reid.reid.person_search import identity_at

    if truth is None:
        if args.identity is not None:
            raise ValueError("--identity needs ground truth: --truth FILE")
        return None
    identities = args.identity
    if identities is None:
        if box is None:
            return None
        identities = [identity_at(truth, args.start, box)]
    for identity in identities:
        if not (truth.id == identity).any():
            raise ValueError(f"--identity: expected an id of the ground truth, got {identity}")
    return truth[np.isin(truth.id, identities)]


def _print_summary(summary: "SearchSummary", person: "MotRows | None") -> None:
    from deepsort_reid.reid.person_search import Outcome

    found = summary.count(Outcome.FOUND)
    if person is None:
        print_note(
            f"found in {found} of {len(summary.results)} frames; no ground truth to compare with"
        )
        print_note("(give --truth FILE, and --identity ID for an image, to score the search)")
        return
    if not summary.frames_present:
        print_note("the person is not labelled in any of these frames")
        return
    print_note(
        f"found in {found} of the {summary.frames_present} frames with the person "
        f"({summary.recall:.1%}); {summary.count(Outcome.WRONG)} wrong, "
        f"{summary.count(Outcome.MISSED)} missed, {summary.count(Outcome.FALSE_ALARM)} false "
        f"alarms in {len(summary.results) - summary.frames_present} frames without the person"
    )
    if summary.frames_without_candidate:
        print_note(
            f"in {summary.frames_without_candidate} of these frames no detection overlaps the "
            "labelled box"
        )
