"""The results page of a search, index.html, and the annotated clip beside it, found.mp4."""

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from deepsort_reid.cli.annotated_video import video_name
from deepsort_reid.cli.results_page import PAGE, source_title
from deepsort_reid.io.atomic import write_atomically
from deepsort_reid.io.background import WriteBehind
from deepsort_reid.io.stream_address import hide_secrets
from deepsort_reid.io.video import Video
from deepsort_reid.io.video_writer import VideoWriter
from deepsort_reid.results.crops import cut_crop
from deepsort_reid.results.find_page import FindResults, find_page
from deepsort_reid.results.sightings import Match, SearchRecorder
from deepsort_reid.results.times import clock
from deepsort_reid.results.video_index import VideoIndex
from deepsort_reid.structures.frame import Frame, TimedFrame
from deepsort_reid.vision.drawing import draw_label, line_width

if TYPE_CHECKING:
    from deepsort_reid.reid.person_search import SearchResult, SearchSummary

CLIP = "found"
_AFTER = 1.0  # seconds of the clip after a match
_SURE, _FOLLOWED = (96, 190, 60), (40, 160, 240)  # BGR of a match, and of one below the threshold


class FindPage:
    """Records what the page of a search shows, and writes it; frames of matches go to a clip.

    Args:
        args: of the command.
        video: the source.
        query: JPEG file of the query.
        used: names and values of what was used.
    """

    def __init__(
        self, args: argparse.Namespace, video: Video, query: bytes, used: dict[str, str]
    ) -> None:
        self._args, self._query, self._used = args, query, used
        self._folder: Path = args.out
        self._frame_rate = None if args.no_video else video.frame_rate / args.every
        self._recorder, self._videos = SearchRecorder(args.threshold), VideoIndex()
        self._writer: VideoWriter | None = None
        self._clip: WriteBehind[Any] | None = None
        self._num_images = 0
        self._last_match = -math.inf

    def add(self, result: "SearchResult", timed: TimedFrame) -> None:
        """Add the result of a frame; the folder exists."""
        from deepsort_reid.reid.person_search import Outcome

        wrong = result.outcome in (Outcome.WRONG, Outcome.FALSE_ALARM)
        match = Match(result.similarity, result.xyxy, result.margin, result.number, wrong)
        self._recorder.add(timed.number, timed.time, timed.frame, match)
        if result.xyxy is not None:
            self._last_match = timed.time
        if self._frame_rate is not None and timed.time - self._last_match <= _AFTER:
            self._add_to_clip(result, timed, self._frame_rate)

    def write(self, summary: "SearchSummary", *, has_truth: bool, status: str) -> None:
        """Complete the clip and write the page, atomically. Raises OSError that names it."""
        self._close_clip()
        args = self._args
        facts = {
            "source": hide_secrets(args.source),
            "query": args.query,
            "status": status,
            **self._used,
            "threshold": f"{args.threshold:g}",
            "reference": args.reference,
        }
        notes = []
        if status != "complete":
            notes.append(f"The search did not reach the end of its source ({status}).")
        results = FindResults(
            title=source_title(facts["source"]),
            query=self._query,
            recorder=self._recorder,
            ids=args.ids,
            scores=_scores(summary) if has_truth else [],
            videos=self._videos,
            facts=list(facts.items()),
            notes=notes,
        )
        write_atomically(self._folder / PAGE, find_page(results))

    def _add_to_clip(self, result: "SearchResult", timed: TimedFrame, frame_rate: float) -> None:
        if self._clip is None:
            height, width = timed.frame.shape[:2]
            path = self._folder / video_name(CLIP)
            path.unlink(missing_ok=True)
            self._writer = VideoWriter(path, frame_rate, (width, height))
            self._clip = WriteBehind(self._writer.write)
        self._videos.add(video_name(CLIP), timed.time, self._num_images / frame_rate)
        self._clip.add(draw_match(timed, result.xyxy, result.similarity, self._args.threshold))
        self._num_images += 1

    def _close_clip(self) -> None:
        if self._clip is not None and self._writer is not None:
            try:
                self._clip.close()
            finally:
                self._writer.close()
            self._clip = None


def draw_match(
    timed: TimedFrame, xyxy: NDArray[np.float64] | None, similarity: float, threshold: float
) -> Frame:
    """A copy of a frame with its time, and the box (4,) of the match with its similarity."""
    image = timed.frame.copy()
    if xyxy is not None:
        colour = _SURE if similarity >= threshold else _FOLLOWED
        limit = 2 * max(image.shape[:2])  # OpenCV's integer coordinates overflow far outside
        left, top, right, bottom = np.clip(np.rint(xyxy), -limit, limit).astype(int).tolist()
        thickness = line_width(image)
        cv2.rectangle(image, (left, top), (right, bottom), (24, 24, 24), thickness + 2)
        cv2.rectangle(image, (left, top), (right, bottom), colour, thickness)
        draw_label(image, f"{similarity:.2f}", (left, top), colour)
    draw_label(image, clock(timed.time), (0, 0), (250, 250, 250))
    return image


def query_image(query: str, box: NDArray[np.float64] | None, first: Frame) -> bytes:
    """JPEG file of a query image, or of the query box (4,) in the first frame."""
    from deepsort_reid.reid.data.datasets import read_crop

    if box is not None:
        return cut_crop(first, box)
    image = read_crop(query)
    return cut_crop(image, np.array([0.0, 0.0, image.shape[1], image.shape[0]]))


def _scores(summary: "SearchSummary") -> list[tuple[str, str]]:
    """Scores against ground truth."""
    from deepsort_reid.reid.person_search import Outcome

    kinds = (Outcome.WRONG, Outcome.MISSED, Outcome.FALSE_ALARM)
    recall = [("recall", f"{100 * summary.recall:.1f} %")] if summary.frames_present else []
    return recall + [(each.value, str(summary.count(each))) for each in kinds]
