"""DeepSORT tracker: detections of one frame in, tracks with ids out (Wojke et al. 2017)."""

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.identity.registry import PersonRegistry
from deepsort_reid.structures.class_names import ClassNames
from deepsort_reid.structures.detections import Detections
from deepsort_reid.structures.event import Event
from deepsort_reid.structures.frame import Frame
from deepsort_reid.structures.tracks import Tracks
from deepsort_reid.tracking.assignment import Matching
from deepsort_reid.tracking.association import Association, AssociationInput, association_input
from deepsort_reid.tracking.config import DeepSortConfig, checked_config
from deepsort_reid.tracking.extras.box_smoothing import BoxSmoother
from deepsort_reid.tracking.extras.explain import DecisionLog, Explanation
from deepsort_reid.tracking.extras.id_assignment import IdAssigner
from deepsort_reid.tracking.extras.person_assignment import PersonAssigner
from deepsort_reid.tracking.extras.visibility import ImageBorder
from deepsort_reid.tracking.fixed_attribute import FixedAttribute
from deepsort_reid.tracking.frame_embedding import (
    FrameEmbedder,
    check_frame_given,
    checked_embedder,
    embed_needed,
)
from deepsort_reid.tracking.frame_input import (
    FrameInput,
    checked_camera,
    checked_detections,
    checked_dt,
    checked_frame_shape,
    checked_parts,
    checked_time,
    elapsed_frames,
    make_frame_input,
)
from deepsort_reid.tracking.gallery import Appearance, GalleryStore, MeanAppearance
from deepsort_reid.tracking.kalman import PEDESTRIAN_MOTION, MotionModel
from deepsort_reid.tracking.likelihood_ratio import LikelihoodRatio
from deepsort_reid.tracking.matched_update import update_matched
from deepsort_reid.tracking.prediction import filtered_boxes, predict_tracks, report_tracks
from deepsort_reid.tracking.track_birth import start_tracks
from deepsort_reid.tracking.track_table import DELETED, TrackTable
from deepsort_reid.tracking.tracker_access import TrackerAccess
from deepsort_reid.tracking.tracker_state import DeepSortState

Array = NDArray[np.float64]
Rows = NDArray[np.intp]


class DeepSort(TrackerAccess, DeepSortState):
    """Multi-object tracker of one camera.

    Args:
        config: `DeepSortConfig()` when not given.
        embedder: called with a frame and boxes, for detections without embeddings.
        association: rule that matches tracks and detections: `LikelihoodRatio()` when not given,
            or `MatchingCascade()`.
        motion: motion model: `AspectMotion(velocity_noise=1 / 320)` when not given.
        appearance: how a track stores embeddings: `MeanAppearance()` when not given.
        registry: persons of the tracks, for `Tracks.person_id`; one of its own, in memory, when not
            given. Pass one to share it between cameras, or to keep it in a file.
        camera: name of the camera in the registry.
        explain: keep every decision for `explain`; memory then grows with the video.

    Raises ValueError when an argument has the wrong type. `config` cannot be replaced later.

    Ids are dense from 1, belong to the instance, and start over with `reset()`. Instances share
    nothing but a `registry` passed to both. DeepSORT as published is `published()`.
    """

    config = FixedAttribute[DeepSortConfig](
        "make a new tracker: DeepSort(replace(tracker.config, ...))"
    )

    def __init__(
        self,
        config: DeepSortConfig | None = None,
        *,
        embedder: FrameEmbedder | None = None,
        association: Association | None = None,
        motion: MotionModel | None = None,
        appearance: Appearance | None = None,
        registry: PersonRegistry | None = None,
        camera: str = "camera",
        explain: bool = False,
    ) -> None:
        self._config = checked_config(config)
        self._embedder = checked_embedder(embedder)
        checked_parts(association, motion, appearance, registry)
        self.association = association or LikelihoodRatio()
        self._motion_model = motion or PEDESTRIAN_MOTION
        self._appearance = appearance or MeanAppearance()
        self._given_registry, self._camera = registry, camera
        self._keep_decisions = explain
        self.reset()

    def reset(self) -> None:
        """Delete all tracks; the next id is 1 again."""
        self.decision_log = DecisionLog() if self._keep_decisions else None
        self._table = TrackTable()
        self._galleries: GalleryStore = self._appearance.create_store()
        self._id_assigner = IdAssigner(self.config.reuse_ids)
        self._persons = PersonAssigner(self._given_registry, self._camera, self._embedder)
        self._image_border = ImageBorder()
        self._box_smoother = BoxSmoother()
        self._before_update = None
        self._frame_shape: tuple[int, ...] | None = None
        self._last_detections = Detections.empty()
        self.class_names: ClassNames = {}
        self._updates_since_all = 0  # detections were embedded

    @property
    def tracks(self) -> Tracks:
        """All live tracks, tentative and coasting ones included, oldest first."""
        return self._as_tracks(np.arange(len(self._table))).with_class_names(self.class_names)

    @property
    def table(self) -> TrackTable:
        """All columns of the rows of `tracks`, to be read only."""
        return self._table

    @property
    def registry(self) -> PersonRegistry:
        """The persons of the tracks."""
        return self._persons.registry

    @property
    def events(self) -> list[Event]:
        """What changed in the last `update`."""
        return self._persons.track_events.events

    def update(
        self,
        detections: Detections,
        *,
        frame: Frame | None = None,
        camera: Array | None = None,
        dt: float = 1.0,
        time: float | None = None,
    ) -> Tracks:
        """Track the detections of the next frame.

        Args:
            detections: of this frame; `Detections.empty()` when there are none.
            frame: the image, BGR uint8 (H, W, 3); required when embeddings have to be computed.
            camera: affine camera motion (2, 3), previous frame -> this frame, in pixels.
            dt: time since the last update, in frames, at most 1e6. Motion uses it as it is. Ages
                and misses count whole frames, at least one per update: at dt=3, a `max_age` of
                120 frames has passed after 40 updates.
            time: of the frame in seconds, on a clock that all cameras of the registry share; used
                for persons and events alone. The sum of all `dt`, in frames, when not given.

        Returns:
            the confirmed tracks that were matched in this frame, in the order of their ids.

        Raises:
            ValueError: an argument is not as above.

        After any exception, KeyboardInterrupt included, the tracker is as it was before the call.
        """
        camera, dt, time = checked_camera(camera), checked_dt(dt), checked_time(time)
        frame_shape = checked_frame_shape(frame, self._frame_shape)
        check_frame_given(self.config, self._embedder, checked_detections(detections), frame)
        data, detections = detections.data, detections.without_data()
        try:
            self._begin_update()
            frame_input = self._prepare(detections, frame_shape)
            self._predict(frame_input, camera, dt)
            frame_input = self._embed(frame_input, frame)
            matching = self._associate(frame_input)
            self._update_matched(frame_input, matching)
            self._update_lifecycle(matching)
            self._initiate(frame_input, matching.unmatched_detections)
            self._persons.update(self._table, frame_input, time, dt)
            self._frame_shape, self._last_detections = frame_shape, frame_input.given
            tracks = self._with_data(self._confirmed(), data, detections.class_id)
            self._before_update = None  # the update is complete
        except BaseException:
            self._undo_update()
            raise
        return tracks

    def explain(self, frame: int, id: int) -> Explanation:
        """Why track `id` was matched as it was in update `frame`, counted from 1.

        `print` the result to read costs, gates and outcome in words. Raises ValueError when the
        tracker keeps no decisions (`DeepSort(explain=True)`), or the track did not exist then.
        """
        if self.decision_log is None:
            raise ValueError("this tracker keeps no decisions; make it with DeepSort(explain=True)")
        return self.decision_log.explain(frame, id)

    def _prepare(self, detections: Detections, frame_shape: tuple[int, ...] | None) -> FrameInput:
        """Select the detections that are used, and update the image border."""
        used = (detections.score >= self.config.min_score).nonzero()[0]
        self._image_border.update(detections.xyxy.take(used, axis=0), frame_shape)
        return make_frame_input(self.config, detections, used, self._image_border)

    def _predict(self, frame_input: FrameInput, camera: Array | None, dt: float) -> None:
        """Predict every track to this frame (Kalman filter; camera motion, given or estimated)."""
        table, model = self._table, self._motion_model
        predict_tracks(self.config, frame_input, table, model, self._box_smoother, camera, dt)
        table.start_frame(elapsed_frames(dt))
        self._id_assigner.begin_update()

    def _embed(self, frame_input: FrameInput, frame: Frame | None) -> FrameInput:
        """Embed the detections that need it, and calibrate distances between identities."""
        if self._embedder is not None and frame is not None and frame_input.given.embedding is None:
            self._updates_since_all += 1
            all_rows = self._updates_since_all >= self.config.embedding_interval
            inputs, parts = self._inputs(frame_input), (self.config, self._embedder)
            frame_input = embed_needed(
                *parts, self.association, inputs, frame_input, frame, all_rows
            )
            self._updates_since_all *= not frame_input.calibrates
        embedding = frame_input.detections.embedding
        if embedding is not None and len(embedding):
            self._galleries.set_dim(embedding.shape[1])
            if frame_input.calibrates:
                reliable = embedding.compress(frame_input.reliable_embedding, axis=0)
                self._galleries.calibration.update_inter(reliable)
        return frame_input

    def _inputs(self, frame_input: FrameInput) -> AssociationInput:
        parts = self._table, self._galleries, self._motion_model
        return association_input(self.config, *parts, frame_input)

    def _associate(self, frame_input: FrameInput) -> Matching:
        """Match tracks and detections."""
        inputs = self._inputs(frame_input)
        matching = self.association(inputs)
        if self.decision_log is not None:
            scores = self.association.score_pairs(inputs)
            assignments = self._id_assigner.assignments  # filled until the update ends
            self.decision_log.add(frame_input, inputs, matching, scores, assignments)
        return matching

    def _update_matched(self, frame_input: FrameInput, matching: Matching) -> None:
        """Update motion, smoothed box, class and gallery of the matched tracks."""
        parts = self._table, self._galleries, self._motion_model, self._box_smoother
        update_matched(self.config, *parts, frame_input, matching)

    def _update_lifecycle(self, matching: Matching) -> None:
        """Confirm, coast and delete tracks (see `track_table`), and assign ids."""
        table, config = self._table, self.config
        at_border = self._image_border.is_truncated(table.xyxy)
        max_age = np.where(at_border, min(config.max_age_at_border, config.max_age), config.max_age)
        table.update_state(matching.unmatched_tracks, n_init=config.n_init, max_age=max_age)
        deleted = table.state == DELETED
        if np.count_nonzero(deleted):
            self._id_assigner.add_left(table.id[deleted & (at_border | self._is_outside())])
        self._remove(deleted)
        self._assign_ids()

    def _assign_ids(self) -> None:
        """Give ids to confirmed tracks without one."""
        table = self._table
        if np.count_nonzero(table.is_confirmed & (table.id == 0)):
            outside = set(table.id[self._is_outside()].tolist())
            parts = self._galleries, self._persons
            self._remove(self._id_assigner.assign_ids(table, *parts, outside))

    def _is_outside(self) -> NDArray[np.bool_]:
        """Tracks (N,) whose predicted box is out of view."""
        return self._image_border.is_outside(filtered_boxes(self._table, self._motion_model))

    def _initiate(self, frame_input: FrameInput, unmatched: Rows) -> None:
        """Start tracks from unmatched detections."""
        parts = self._table, self._galleries, self._motion_model
        if start_tracks(self.config, frame_input, unmatched, *parts):
            self._assign_ids()

    def _confirmed(self) -> Tracks:
        """The confirmed tracks, which were matched in this frame, in the order of their ids."""
        table = self._table
        rows = table.is_confirmed.nonzero()[0]
        return self._as_tracks(rows.take(table.id.take(rows).argsort()))

    def _remove(self, rows: NDArray[np.bool_]) -> None:
        """Delete the tracks of a mask (N,) and release their galleries."""
        if np.count_nonzero(rows):
            self._galleries.release(self._table.slot[rows])
            self._table.keep(~rows)

    def _as_tracks(self, rows: Rows) -> Tracks:
        """The tracks of these rows, with the boxes that are reported."""
        return report_tracks(self.config, self._table, self._motion_model, rows)
