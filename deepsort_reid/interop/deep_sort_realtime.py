"""`DeepSort` and `Track` with the interface of deep-sort-realtime 1.3.

    from deepsort_reid.interop.deep_sort_realtime import DeepSort

    tracker = DeepSort(max_age=30)
    for track in tracker.update_tracks([([left, top, width, height], score, name)], frame=frame):
        if track.is_confirmed():
            track.track_id, track.to_ltrb()

Written from its README. The tracker behind it is ours, with every detection used whatever its
score, as there.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from deepsort_reid.interop.deep_sort_realtime_track import Entry, Track, TrackState
from deepsort_reid.structures import boxes
from deepsort_reid.structures.detections import Detections
from deepsort_reid.structures.frame import Frame
from deepsort_reid.structures.numbers import as_numbers
from deepsort_reid.tracking.config import DeepSortConfig
from deepsort_reid.tracking.frame_embedding import FrameEmbedder
from deepsort_reid.tracking.tracker import DeepSort as Tracker

# Scores are not used there.
_CONFIG = DeepSortConfig(
    min_score=-math.inf,
    high_score_threshold=-math.inf,
    new_track_score=-math.inf,
    min_gallery_score=-math.inf,
    nsa_kalman=False,
)


class DeepSort:
    """Tracker with the arguments of deep-sort-realtime.

    Args:
        max_age: frames after which an unmatched track is removed.
        n_init: matches that confirm a track.
        nms_max_overlap: IoU above which the detection with the lower score is left out; 1 for none.
        override_track_class: subclass of `Track` to make tracks of.
        embedder: None when embeddings are passed in, or when there are none; any name, or True,
            stands for the embedder of this package.
        embedder_wts: ONNX file of an embedder of your own.
        embedder_gpu: use CUDA where onnxruntime has it.
        bgr: whether frames are BGR; False for RGB.
        polygon: detections are ([polygon, ...], [class, ...], [score, ...]) with polygons
            [x1, y1, x2, y2, ...]; the bounding boxes are tracked and embedded, which reach from the
            first to the last whole pixel.
        today: date that begins each id. When the date changes, the ids of new tracks start over;
            those that live keep theirs.
        max_iou_distance, max_cosine_distance, nn_budget, gating_only_position: without effect:
            distances are calibrated in the video, and a track has one mean embedding.
        half, embedder_model_name: without effect.
    """

    def __init__(
        self,
        max_iou_distance: float = 0.7,
        max_age: int = 30,
        n_init: int = 3,
        nms_max_overlap: float = 1.0,
        max_cosine_distance: float = 0.2,
        nn_budget: int | None = None,
        gating_only_position: bool = False,
        override_track_class: type[Track] | None = None,
        embedder: str | bool | FrameEmbedder | None = "mobilenet",
        half: bool = True,
        bgr: bool = True,
        embedder_gpu: bool = True,
        embedder_model_name: str | None = None,
        embedder_wts: str | Path | None = None,
        polygon: bool = False,
        today: date | None = None,
    ) -> None:
        self.nms_max_overlap, self._bgr, self._polygon = nms_max_overlap, bgr, polygon
        self._track_class, self._today = override_track_class or Track, today
        # There, a track at the border of the image lives as long as any other.
        self._config = replace(_CONFIG, max_age=max_age, max_age_at_border=max_age, n_init=n_init)
        self._embedder = _embedder(embedder, embedder_wts, embedder_gpu)
        self.delete_all_tracks()

    def delete_all_tracks(self) -> None:
        """Remove all tracks; ids start over."""
        self.tracker = Tracker(self._config, embedder=self._embedder)
        self._tracks: dict[int, Track] = {}  # by the key of `TrackTable`
        self._ids: dict[int, int] = {}  # of the tracker, by the same key
        self._last_id = 0  # before the first id of today

    def refresh_track_ids(self) -> None:
        """Let the ids of new tracks start over."""
        self._last_id = self.tracker.last_id

    def update_tracks(
        self,
        raw_detections: Sequence[Any],
        embeds: ArrayLike | None = None,
        frame: Frame | None = None,
        today: date | None = None,
        others: Sequence[Any] | None = None,
        instance_masks: Sequence[Any] | None = None,
    ) -> list[Track]:
        """Track the detections of the next frame.

        Args:
            raw_detections: ([left, top, width, height], score, class) tuples; boxes without area
                are left out.
            embeds: an embedding for each; they need not have unit length.
            frame: the image (H, W, 3); required with an embedder when there are no `embeds`.
            today: the date, that of the clock when not given; without effect unless one was
                passed to `DeepSort`.
            others: something of your own for each.
            instance_masks: a mask for each; embeddings are of the whole box.

        Returns:
            all tracks, tentative and unmatched ones included, oldest first.

        Raises ValueError when an argument has another form.
        """
        if self._today is not None and (today or date.today()) != self._today:
            self._today = today or date.today()
            self.refresh_track_ids()
        if self._polygon:
            raw_detections, others = _from_polygons(raw_detections)
        count = len(raw_detections)
        for name, given in (("others", others), ("instance_masks", instance_masks)):
            if given is not None and len(given) != count:
                raise ValueError(f"{name}: expected {count} entries, got {len(given)}")
        detections = Detections.from_list(
            raw_detections,
            embedding=None if embeds is None else _unit_rows(embeds),
            data={"row": np.arange(count)},
            drop_invalid=True,
        )
        if self.nms_max_overlap < 1:
            kept = boxes.nms(detections.xyxy, detections.score, self.nms_max_overlap)
            detections = detections[np.sort(kept)]
        if frame is not None and not self._bgr:
            frame = np.ascontiguousarray(frame[..., ::-1])
        self.tracker.update(detections, frame=frame)
        rows = detections.data["row"].tolist()
        entries = [
            Entry(
                score=raw_detections[row][1],
                name=raw_detections[row][2],
                others=None if others is None else others[row],
                instance_mask=None if instance_masks is None else instance_masks[row],
                feature=feature,
            )
            for row, feature in zip(rows, self._features(embeds, rows), strict=True)
        ]
        return self._update_tracks(entries)

    def _features(self, embeds: ArrayLike | None, rows: list[int]) -> list[Any]:
        """The embedding of each detection of the tracker: row `rows` of `embeds`, or computed."""
        if embeds is not None:
            return list(np.asarray(embeds)[rows])
        computed = self.tracker.last_detections.embedding
        known: Iterable[Any] = [None] * len(rows) if computed is None else computed
        return [None if each is None or not each.any() else each for each in known]

    def _update_tracks(self, entries: list[Entry]) -> list[Track]:
        """Update the track objects; `entries` belong to the detections of the tracker."""
        live, table = self.tracker.tracks, self.tracker.table
        keys = table.key.tolist()
        for key in self._tracks.keys() - set(keys):
            self._tracks.pop(key).state = TrackState.Deleted
            self._ids.pop(key, None)
        for key, row, hits, box in zip(
            keys, live, table.hits.tolist(), live.filtered_xyxy, strict=True
        ):
            if key not in self._tracks:
                self._tracks[key] = self._track_class(f"tentative-{key}")
            track = self._tracks[key]
            if row.id and self._ids.get(key) != row.id:
                self._ids[key], track.track_id = row.id, self._track_id(row.id)
            track.state = TrackState.Confirmed if row.id else TrackState.Tentative
            track.person_id, track.hits = row.person_id, hits
            track.age, track.time_since_update, track.ltrb = row.age, row.misses, box
            matched = row.detection >= 0
            track.set_detection(
                entries[row.detection] if matched else None, row.xyxy if matched else None
            )
        return [self._tracks[key] for key in keys]

    def _track_id(self, id: int) -> str:
        """The text for an id of the tracker."""
        number = id if id <= self._last_id else id - self._last_id
        return f"{self._today}_{number}" if self._today else str(number)


def _embedder(
    given: str | bool | FrameEmbedder | None, file: str | Path | None, gpu: bool
) -> FrameEmbedder | None:
    """The embedder that the arguments of `DeepSort` mean."""
    if given is None or given is False:
        return None
    if not isinstance(given, str | bool):
        return given
    # Imported here: ONNX Runtime is not needed without an embedder.
    import onnxruntime

    from deepsort_reid.vision.embedder import Embedder

    cuda = gpu and "CUDAExecutionProvider" in onnxruntime.get_available_providers()
    return Embedder(file, device="cuda" if cuda else "cpu")


def _unit_rows(embedding: ArrayLike) -> NDArray[np.float32]:
    """Embeddings (M, D) of unit length; zeros stay zeros."""
    rows = as_numbers(embedding, np.float32, "embeds must be numbers of shape (M, D)")
    length = np.linalg.norm(rows, axis=-1, keepdims=True)
    return np.asarray(rows / np.where(length > 0, length, 1), dtype=np.float32)


def _from_polygons(raw: Sequence[Any]) -> tuple[list[Any], list[Any]]:
    """Bounding boxes as ([left, top, width, height], score, class), and the polygons."""
    if not len(raw):
        return [], []
    if len(raw) != 3 or not len(raw[0]) == len(raw[1]) == len(raw[2]):
        raise ValueError(
            "expected [polygons, classes, scores] of equal length, got "
            f"{len(raw)} lists of lengths {[len(each) for each in raw]}"
        )
    rows = []
    for polygon, name, score in zip(*raw, strict=True):
        corners = np.floor(np.asarray(polygon, dtype=np.float64).reshape(-1, 2))
        first, last = corners.min(axis=0), corners.max(axis=0)
        rows.append(([*first, *(last - first + 1)], score, name))
    return rows, list(raw[0])
