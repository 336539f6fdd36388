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
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from deepsort_reid.structures import boxes
from deepsort_reid.structures.detections import Detections
from deepsort_reid.structures.frame import Frame
from deepsort_reid.structures.numbers import as_numbers
from deepsort_reid.structures.tracks import State
from deepsort_reid.tracking.config import DeepSortConfig
from deepsort_reid.tracking.frame_embedding import FrameEmbedder
from deepsort_reid.tracking.tracker import DeepSort as Tracker

Box = NDArray[np.float64]

# Scores are not used there.
_CONFIG = DeepSortConfig(
    min_score=-math.inf,
    high_score_threshold=-math.inf,
    new_track_score=-math.inf,
    min_gallery_score=-math.inf,
    nsa_kalman=False,
)


class _Entry(NamedTuple):
    """What was given for a detection, beside its box."""

    score: float | None
    name: Any
    others: Any
    instance_mask: Any


class Track:
    """One track; the same object from its first to its last update.

    Attributes:
        track_id: text, of a confirmed track: its id, after the date with `today`.
        person_id: who it is, as `Tracks.person_id`.
        hits: updates in which it was matched.
        age: frames since it began.
        time_since_update: frames since it was last matched, 0 if in this one.
        det_class: class of its last detection, as it was given.
        det_conf, others, instance_mask, original_ltwh: of its detection, None while unmatched.
        ltrb: box (4,) of the Kalman filter.
        feature: last embedding (D,), None without one.
    """

    def __init__(self, track_id: str) -> None:
        self.track_id = track_id
        self.person_id = 0
        self.state, self.deleted = State.TENTATIVE, False
        self.hits = self.age = self.time_since_update = 0
        self.det_class: Any = None
        self.det_conf: float | None = None
        self.others: Any = None
        self.instance_mask: Any = None
        self.original_ltwh: Box | None = None
        self.ltrb: Box = np.zeros(4)
        self.feature: NDArray[np.float32] | None = None

    def set_detection(self, entry: _Entry | None, xyxy: tuple[float, ...] | None) -> None:
        """Set what was given for the matched detection and its box (4,), None for none."""
        if entry is not None:
            self.det_class = entry.name
        self.det_conf = None if entry is None else entry.score
        self.others = None if entry is None else entry.others
        self.instance_mask = None if entry is None else entry.instance_mask
        self.original_ltwh = None if xyxy is None else boxes.xyxy_to_tlwh(np.array([xyxy]))[0]

    def is_tentative(self) -> bool:
        """Whether it was matched in fewer than `n_init` frames."""
        return not self.deleted and self.state == State.TENTATIVE

    def is_confirmed(self) -> bool:
        """Whether it was matched in `n_init` frames, and has not ended."""
        return not self.deleted and self.state != State.TENTATIVE

    def is_deleted(self) -> bool:
        """Whether it has ended."""
        return self.deleted

    def to_ltrb(self, orig: bool = False, orig_strict: bool = False) -> Box | None:
        """Left, top, right, bottom (4,) in pixels.

        Args:
            orig: of the detection where it is matched, otherwise of the Kalman filter.
            orig_strict: with `orig`, None where it is not matched.
        """
        box = self.to_ltwh(orig, orig_strict)
        return None if box is None else np.asarray(boxes.tlwh_to_xyxy(box[None])[0])

    def to_ltwh(self, orig: bool = False, orig_strict: bool = False) -> Box | None:
        """Left, top, width, height (4,) in pixels; arguments as of `to_ltrb`."""
        if orig and self.original_ltwh is not None:
            return self.original_ltwh.copy()
        if orig and orig_strict:
            return None
        return np.asarray(boxes.xyxy_to_tlwh(self.ltrb[None])[0])

    to_tlbr, to_tlwh = to_ltrb, to_ltwh

    def get_det_class(self) -> Any:
        """Class of its last detection, as it was given."""
        return self.det_class

    def get_det_conf(self) -> float | None:
        """Score of its detection, None while it is not matched."""
        return self.det_conf

    def get_det_supplementary(self) -> Any:
        """Entry of `others` of its detection, None while it is not matched."""
        return self.others

    def get_instance_mask(self) -> Any:
        """Instance mask of its detection, None while it is not matched."""
        return self.instance_mask

    def get_feature(self) -> NDArray[np.float32] | None:
        """The last embedding (D,), None without one."""
        return self.feature


class DeepSort:
    """Tracker with the arguments of deep-sort-realtime.

    Args:
        max_age: frames after which an unmatched track is removed.
        n_init: matches that confirm a track.
        nms_max_overlap: IoU above which the detection with the lower score is left out; 1 for none.
        override_track_class: subclass of `Track` to make tracks of.
        embedder: None when embeddings are passed in, or when there are none; any name stands for
            the embedder of this package.
        embedder_wts: ONNX file of an embedder of your own.
        embedder_gpu: use CUDA where onnxruntime has it.
        bgr: whether frames are BGR; False for RGB.
        polygon: detections are ([polygon, ...], [class, ...], [score, ...]) with polygons
            [x1, y1, x2, y2, ...]; the bounding boxes are tracked and embedded.
        today: date that begins each id; ids start over when another one is passed to an update.
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
        embedder: str | FrameEmbedder | None = "mobilenet",
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
        self._config = replace(_CONFIG, max_age=max_age, n_init=n_init)
        self._embedder = _embedder(embedder, embedder_wts, embedder_gpu)
        self.delete_all_tracks()

    def delete_all_tracks(self) -> None:
        """Remove all tracks; ids start over."""
        self.tracker = Tracker(self._config, embedder=self._embedder)
        self._tracks: dict[int, Track] = {}  # by the key of `TrackTable`

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
            today: see `DeepSort`.
            others: something of your own for each.
            instance_masks: a mask for each.

        Returns:
            all tracks, tentative and unmatched ones included, oldest first.

        Raises ValueError when an argument has another form.
        """
        if today is not None and today != self._today:
            self._today = today
            self.delete_all_tracks()
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
        entries = [
            _Entry(
                raw_detections[row][1],
                raw_detections[row][2],
                None if others is None else others[row],
                None if instance_masks is None else instance_masks[row],
            )
            for row in detections.data["row"].tolist()
        ]
        return self._update_tracks(entries)

    def _update_tracks(self, entries: list[_Entry]) -> list[Track]:
        """Update the track objects; `entries` belong to the detections of the tracker."""
        live, table = self.tracker.tracks, self.tracker.table
        embedding, date_prefix = self.tracker.last_detections.embedding, self._today
        keys = table.key.tolist()
        for key in self._tracks.keys() - set(keys):
            self._tracks.pop(key).deleted = True
        for key, row, hits, box in zip(
            keys, live, table.hits.tolist(), live.filtered_xyxy, strict=True
        ):
            if key not in self._tracks:
                self._tracks[key] = self._track_class(f"tentative-{key}")
            track = self._tracks[key]
            if row.id:
                track.track_id = f"{date_prefix}_{row.id}" if date_prefix else str(row.id)
            track.person_id, track.state, track.hits = row.person_id, State(row.state), hits
            track.age, track.time_since_update, track.ltrb = row.age, row.misses, box
            matched = row.detection >= 0
            track.set_detection(
                entries[row.detection] if matched else None, row.xyxy if matched else None
            )
            if matched and embedding is not None and embedding[row.detection].any():
                track.feature = embedding[row.detection]
        return [self._tracks[key] for key in keys]


def _embedder(
    given: str | FrameEmbedder | None, file: str | Path | None, gpu: bool
) -> FrameEmbedder | None:
    """The embedder that the arguments of `DeepSort` mean."""
    if given is None or not isinstance(given, str):
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
    if len(raw) != 3 or not len(raw[0]) == len(raw[1]) == len(raw[2]):
        raise ValueError(
            "expected [polygons, classes, scores] of equal length, got "
            f"{len(raw)} lists of lengths {[len(each) for each in raw]}"
        )
    rows = []
    for polygon, name, score in zip(*raw, strict=True):
        corners = np.asarray(polygon, dtype=np.float64).reshape(-1, 2)
        low, high = corners.min(axis=0), corners.max(axis=0)
        rows.append(([*low, *(high - low)], score, name))
    return rows, list(raw[0])
