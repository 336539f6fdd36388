"""`deepsort-reid find`: find one person in a video by appearance."""

import argparse
import itertools
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.cli.live_options import add_live_arguments, make_live_options
from deepsort_reid.cli.output_options import add_page_argument
from deepsort_reid.cli.progress import print_note, progress_bar
from deepsort_reid.cli.tracking_options import (
    add_camera_motion_argument,
    add_detector_arguments,
    add_device_argument,
    add_frame_arguments,
    count_frames,
    make_camera_motion,
    make_detector,
)

if TYPE_CHECKING:
    from deepsort_reid.io.video import Video
    from deepsort_reid.structures.frame import Frame, TimedFrame
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
        help="folder for results.csv, montage.png, the page and the clip (default: %(default)s)",
    )
    add_page_argument(parser)
    add(
        "--no-video",
        action="store_true",
        help="write no annotated clip of the matches (default: write found.mp4)",
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
    add_camera_motion_argument(parser)
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
    from deepsort_reid.cli.find_page import FindPage, query_image
    from deepsort_reid.cli.find_results import write_results
    from deepsort_reid.io.video_reader import open_video
    from deepsort_reid.reid.person_search import Gallery, LastMatch, find_person
    from deepsort_reid.vision.embedder import Embedder

    box = query_box(args.query)
    video = open_video(args.source, live=make_live_options(args, "find"))
    truth = _truth(args, video)
    camera_motion = make_camera_motion(args.camera_motion, args.start, args.every)
    embedder = Embedder(args.embedder, threads=args.threads, device=args.device)
    # One iteration for the query and the search: a camera has no second one.
    with closing(video.iter_timed_frames(args.start, args.stop, args.every)) as frames:
        first = next(frames, None)
        if first is None:
            raise ValueError(f"{video.name}: expected a frame {args.start}, the video ends before")
        query = _embed_query(args.query, box, first.frame, embedder)
        person = _person(args, box, truth)
        detector, detector_name = _detector(args, truth)
        identified = _IdentifiedDetector(detector, camera_motion, args.ids, args.every)
        read = _ReadFrames(itertools.chain([first], frames))
        results = find_person(
            progress_bar(read.numbered(), count_frames(video.length, args), quiet=args.quiet),
            identified.boxes,
            embedder,
            (Gallery if args.reference == "gallery" else LastMatch)(query),
            threshold=args.threshold,
            truth=person,
            identify=identified.identify,
        )
        # A query box is the start of the search, not a match.
        start = None if box is None else args.start
        found = ((each, read.last) for each in results if each.frame != start)
        page = None
        if not args.no_page:
            used = {"detector": detector_name, "embedder": str(embedder.name)}
            page = FindPage(args, video, query_image(args.query, box, first.frame), used)
        write_results(args.out, found, person, args.ids, page)


class _ReadFrames:
    """Frames, of which `last` is the one that was read last."""

    def __init__(self, frames: Iterable["TimedFrame"]) -> None:
        self._frames = frames
        self.last: TimedFrame

    def numbered(self) -> Iterator[tuple[int, "Frame"]]:
        """Numbers and images of the frames."""
        for timed in self._frames:
            self.last = timed
            yield timed.number, timed.frame


class _IdentifiedDetector:
    """Detector whose detections are tracked, for their numbers.

    Args:
        detector: frame -> `Detections`.
        camera_motion: estimator of the camera motion; None for none.
        ids: "person" or "track".
        every: frames from one that is read to the next.
    """

    def __init__(self, detector: Any, camera_motion: Any, ids: str, every: int) -> None:
        from deepsort_reid.tracking import DeepSort

        self._detector, self._camera_motion = detector, camera_motion
        self._ids, self._every = ids, every
        self._tracker = DeepSort()
        self._found: Any = None

    def boxes(self, frame: "Frame") -> NDArray[np.float64]:
        """Boxes xyxy (M, 4) of a frame."""
        self._found = self._detector(frame)
        return np.asarray(self._found.xyxy, np.float64)

    def identify(
        self, frame: "Frame", xyxy: NDArray[np.float64], embedding: NDArray[np.float32]
    ) -> NDArray[np.int64]:
        """Numbers (M,) of the boxes of that frame, with embeddings (M, D); 0 for no track yet."""
        detections = self._found.with_embedding(embedding if len(xyxy) else None)
        camera = self._camera_motion and self._camera_motion(frame, xyxy).warp
        tracks = self._tracker.update(detections, frame=frame, camera=camera, dt=float(self._every))
        numbers = np.zeros(len(xyxy), np.int64)
        is_matched = tracks.detection >= 0
        shown = tracks.person_id if self._ids == "person" else tracks.id
        numbers[tracks.detection[is_matched]] = shown[is_matched]
        return numbers


def _detector(args: argparse.Namespace, truth: "MotRows | None") -> tuple[Any, str]:
    """The detector of the candidates, and its name."""
    from deepsort_reid.vision.detectors import MotDetections

    if not args.gt_boxes:
        return make_detector(args, print_note)
    if truth is None:
        raise ValueError("--gt-boxes needs ground truth: --truth FILE")
    return MotDetections(truth, start=args.start, every=args.every), "ground truth"


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
