"""Fixed-lag tracking: output delayed by some frames, and corrected by these frames.

An online tracker must report each frame at once. Where a delay of, say, a second is acceptable, as
in recording, counting or annotation, ids and boxes can be corrected by the frames that follow.
"""

from collections import deque
from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.identity.registry import PersonRegistry
from deepsort_reid.structures import boxes
from deepsort_reid.structures.detections import Detections
from deepsort_reid.structures.event import Event
from deepsort_reid.structures.frame import Frame
from deepsort_reid.structures.tracks import State, Tracks
from deepsort_reid.tracking.extras.explain import ReportedTrack
from deepsort_reid.tracking.extras.track_events import TrackEvents
from deepsort_reid.tracking.frame_input import checked_dt, elapsed_frames
from deepsort_reid.tracking.plain_data import Encoder
from deepsort_reid.tracking.refinement.frame_buffer import (
    BufferedFrame,
    LagSmoother,
    inverse_affine,
    inverse_camera_motion,
    warp_boxes,
)
from deepsort_reid.tracking.refinement.linking import Linking
from deepsort_reid.tracking.refinement.track_histories import TrackHistories
from deepsort_reid.tracking.refinement.track_history import Observation, TrackHistory
from deepsort_reid.tracking.refinement.two_filter_smoother import InformationState
from deepsort_reid.tracking.saved_state import SavedState
from deepsort_reid.tracking.tracker import DeepSort

Array = NDArray[np.float64]

_CONFIRMED, _COASTING = np.int64(State.CONFIRMED), np.int64(State.COASTING)


class LaggedTracks(NamedTuple):
    """The corrected tracks of an earlier frame: `number, tracks = lagged`."""

    number: int  # of the update to which that frame was passed, from 1
    tracks: Tracks


class FixedLag(SavedState):
    """A tracker whose output is delayed by a fixed number of updates, and corrected meanwhile.

        fixed_lag = FixedLag(DeepSort(), frames=30)
        for detections in video:
            lagged = fixed_lag.update(detections)
            if lagged is not None:
                show(lagged.number, lagged.tracks)
        for number, tracks in fixed_lag.flush():
            show(number, tracks)

    Every frame is emitted exactly once, in order. What is corrected:

    - A track has its id from its first frame on, not only from its confirmation. Its
      person is that known when the frame is emitted.
    - A gap of at most 30 frames between two matches of a track is filled if its end is known in
      time. Filled rows have state `COASTING`, `detection` -1, and count their misses.
    - A track linked to an earlier, ended track takes over its id (`Linking`: motion forwards and
      backwards, and appearance). A person who reappears elsewhere is left to the tracker
      (`DeepSortConfig.reuse_ids`).
    - Boxes are smoothed: `xyxy` and `filtered_xyxy` are estimates from all earlier frames and the
      next `frames` ones. The box of the detection is `detections.xyxy[tracks.detection]`.

    Columns of `Detections.data` are held back with their frame. `save` writes numbers and text, and
    refuses other objects in them.

    With `frames=0` the output of the tracker is returned at once, unchanged.

    Args:
        tracker: new, or with updates before; from now on only the FixedLag may update it.
        frames: delay in updates. Memory grows with it.
        linking: rule by which two tracks are one person; `Linking()` unless given.

    Raises ValueError when `tracker` is no DeepSort, or `frames` is no whole number of at least 0.
    """

    OBJECTS = (
        *("_histories", "_histories.output_ids", "_histories._calibration", "_smoother"),
        "_track_events",
        *(f"tracker.{path}".rstrip(".") for path in ("", *DeepSort.OBJECTS)),
    )
    ARGUMENTS: ClassVar = {"frames": "frames", "linking": "_linking"}  # and the tracker
    NOT_STATE = frozenset({"frames", "_linking", "_before_update"})
    PARTS = tuple(f"tracker.{path}" for path in DeepSort.PARTS)
    RECORDS = (
        *DeepSort.RECORDS,
        BufferedFrame,
        InformationState,
        Linking,
        Observation,
        TrackHistory,
    )

    def __init__(
        self, tracker: DeepSort, frames: int = 30, *, linking: Linking | None = None
    ) -> None:
        if not hasattr(tracker, "update"):
            raise ValueError(f"tracker must be a DeepSort, got {type(tracker).__name__}")
        if not isinstance(frames, int | np.integer) or isinstance(frames, bool) or frames < 0:
            raise ValueError(f"frames must be a whole number, at least 0, got {frames!r}")
        self.tracker = tracker
        self.frames = int(frames)
        if not (linking is None or isinstance(linking, Linking)):
            raise ValueError(f"linking must be a Linking, got {type(linking).__name__}")
        self._linking = linking or Linking()
        self._clear()

    def reset(self) -> None:
        """Drop all buffered frames and tracks, and reset the tracker, for another video."""
        self.tracker.reset()
        self._clear()

    def _clear(self) -> None:
        self._buffer: deque[BufferedFrame] = deque()
        self._number, self._time, self._clock = 0, 0.0, 0
        self._to_first = np.eye(3)
        self._histories = TrackHistories(self._linking, self.tracker.last_id)
        self._smoother = LagSmoother()
        self._track_events = TrackEvents()
        self._events: list[Event] = []
        self._tracker_id: dict[int, int] = {}  # by output id, where they differ
        self._before_update = None

    def update(
        self,
        detections: Detections,
        *,
        frame: Frame | None = None,
        camera: Array | None = None,
        dt: float = 1.0,
        time: float | None = None,
    ) -> LaggedTracks | None:
        """Process the next frame, and return the corrected tracks of `frames` updates ago.

        The arguments are those of `DeepSort.update`.

        Returns:
            Number and tracks of the emitted frame, tracks in the order of their ids; None for the
            first `frames` updates.

        Raises:
            ValueError: as `DeepSort.update`, or `camera` is not invertible.

        After any exception, KeyboardInterrupt included, everything is as it was before the call.
        """
        to_previous, dt = inverse_camera_motion(camera), checked_dt(dt)
        try:
            self._begin_update()
            tracks = self.tracker.update(detections, frame=frame, camera=camera, dt=dt, time=time)
            lagged = self._add_frame(tracks, detections.data, to_previous, dt)
            self._before_update = None  # the update is complete
        except BaseException:
            self._undo_update()
            raise
        return lagged

    @property
    def events(self) -> list[Event]:
        """What changed in the frame that the last `update` emitted, or in those of `flush`."""
        return self._events

    @property
    def registry(self) -> PersonRegistry:
        """The persons of the tracks."""
        return self.tracker.registry

    def person_of(self, id: int) -> tuple[int, float]:
        """Person of a reported track by now, and the probability; see `PersonAssigner.person_of`.

        Frames that were emitted may show another one.
        """
        return self.tracker.person_of(self.tracker_id_of(id))

    def tracker_id_of(self, id: int) -> int:
        """The id that the tracker, and so its registry, has for a reported track."""
        return self._tracker_id.get(id, id) if self.tracker.persons.is_active else id

    @property
    def last_detections(self) -> Detections:
        """All detections of the last `update`, with the embeddings that the tracker computed."""
        return self.tracker.last_detections

    def explain(self, frame: int, id: int) -> str:
        """Why `id` was reported in the emitted frame `frame` as it was, in words.

        The decision of the tracker in that frame, and what later frames corrected. Raises
        ValueError when the tracker keeps no decisions (`DeepSort(explain=True)`), or there was no
        such track in the output.
        """
        log = self.tracker.decision_log
        if log is None:
            raise ValueError("this tracker keeps no decisions; make it with DeepSort(explain=True)")
        update = frame + len(log) - self._number  # the tracker may have had updates before
        return log.explain_reported(update, id, frame)

    def flush(self) -> list[LaggedTracks]:
        """Number and tracks of all frames still buffered, in order: the video has ended."""
        try:
            self._begin_update()
            lagged, events = [], []
            for _ in range(len(self._buffer)):
                lagged.append(self._emit())
                events += self._events
            self._events = events
            self._before_update = None
        except BaseException:
            self._undo_update()
            raise
        return lagged

    def _settings(self, encode: Encoder) -> dict[str, Any]:
        return {**super()._settings(encode), "tracker": self.tracker._settings(encode)}

    @classmethod
    def _make(cls, settings: Any, arguments: dict[str, Any]) -> "FixedLag":
        own = {name: each for name, each in arguments.items() if name in cls.ARGUMENTS}
        given = {name: each for name, each in arguments.items() if name not in own}
        tracker = DeepSort._make(settings["tracker"], given)
        return super()._make(settings, {**own, "tracker": tracker})

    def copy_written(self) -> None:
        """Begin an update: from now on, the buffer that others hold is not written to."""
        self._buffer = self._buffer.copy()

    def _add_frame(
        self, tracks: Tracks, data: Mapping[str, Any], to_previous: Array, dt: float
    ) -> LaggedTracks | None:
        """Add the frame that the tracker was just updated with; returns the one that is due.

        `data` are the columns of its detections.
        """
        self._number += 1
        self._time += dt
        self._clock += elapsed_frames(dt)
        self._events = []
        if not self.frames:
            self._events = self.tracker.events
            self._log_reported(self._number, {id: id for id in tracks.id.tolist()}, tracks)
            return LaggedTracks(self._number, tracks)
        self._to_first = self._to_first @ to_previous
        self._append(data)
        return self._emit() if len(self._buffer) > self.frames else None

    def _append(self, data: Mapping[str, Any]) -> None:
        """Append the tracker's newest frame to the buffer."""
        table, detections = self.tracker.table, self.tracker.last_detections
        histories = self._histories.of_rows(table.key.tolist())
        matched = np.flatnonzero(table.detection >= 0)
        # The detections' own boxes: they are smoothed together with those of later frames.
        xyxy = warp_boxes(detections.xyxy[table.detection[matched]], self._to_first)
        columns = histories, table.class_id().tolist(), table.age.tolist()
        for track, class_id, age in zip(*columns, strict=True):
            track.class_id = class_id
            track.birth_clock = track.birth_clock or self._clock - age + 1
        xywh = boxes.xyxy_to_xywh(xyxy)
        for row, box, size in zip(matched.tolist(), xyxy, xywh[:, 2:].tolist(), strict=True):
            histories[row].add_observation(self._number, self._time, box, (size[0], size[1]))
        min_score = self.tracker.config.min_gallery_score
        self._histories.add_embeddings(histories, table, detections, min_score)
        frame = BufferedFrame(
            number=self._number,
            time=self._time,
            clock=self._clock,
            given_time=self.tracker.persons.time,
            to_first=self._to_first,
            key=np.array([histories[row].key for row in matched.tolist()], dtype=np.int64),
            xywh=xywh,
            score=table.score[matched],
            detection=table.detection[matched],
            data=data,
        )
        frame.sort_by_key()
        self._buffer.append(frame)
        self._histories.assign_ids(table.id.tolist(), self._buffer)

    def _emit(self) -> LaggedTracks:
        """Remove the oldest frame from the buffer and return its tracks."""
        self._histories.link(self._buffer)
        oldest = self._buffer[0]
        histories = self._histories.emit(self._buffer)
        key = np.array([track.key for track in histories], dtype=np.int64)
        # Smoothing never makes a box smaller than the smallest detection of the track.
        min_size = np.array([track.min_size for track in histories]).reshape(-1, 2)
        xyxy = self._smoother.smooth(self._buffer, key, min_size)
        tracks = self._as_tracks(oldest, histories, oldest.rows_of(key), xyxy)
        self._buffer.popleft()
        output_ids = self._histories.output_ids
        tracker_ids = {output_ids.of(track.id): track.id for track in histories}
        for output_id, id in tracker_ids.items():
            if self._tracker_id.get(output_id, output_id) != id:
                self._tracker_id = {**self._tracker_id, output_id: id}
        self._log_reported(oldest.number, tracker_ids, tracks)
        ended = self._histories.drop(oldest.number, self.tracker.persons.may_return)
        self._update_events(oldest, tracks, ended)
        return LaggedTracks(oldest.number, tracks)

    def _update_events(self, frame: BufferedFrame, tracks: Tracks, ended: set[int]) -> None:
        """Derive the events of an emitted frame; `ended` are output ids."""
        matched = tracks.detection >= 0
        person_of = dict(zip(tracks.id.tolist(), tracks.person_id.tolist(), strict=True))
        self._track_events.update(
            *(frame.number, frame.given_time, tracks.id[matched], tracks.person_id[matched]),
            ended=ended,
            changes={id: person_of[id] for id in tracks.id[~matched].tolist() if person_of[id]},
            is_known=self.tracker.persons.is_known,
        )
        self._events = self._track_events.events

    def _log_reported(self, number: int, tracker_ids: dict[int, int], tracks: Tracks) -> None:
        """Add the output of frame `number` to the tracker's decisions, if it keeps any.

        tracker_ids: the tracker's id of each id in the output.
        """
        log = self.tracker.decision_log
        if log is None:
            return
        reported = log.frame(number + len(log) - self._number).reported
        reported.clear()  # an update may have been undone
        columns = (tracks.id.tolist(), tracks.detection.tolist(), tracks.misses.tolist())
        for id, detection, misses in zip(*columns, strict=True):
            reported[id] = ReportedTrack(tracker_ids[id], detection, misses)

    def _as_tracks(
        self,
        frame: BufferedFrame,
        histories: list[TrackHistory],
        rows: NDArray[np.intp],
        xyxy: Array,
    ) -> Tracks:
        """The reported tracks of a frame, in the order of their output ids.

        `rows` (T,) are the rows of the tracks in the frame, -1 in a filled gap; `xyxy` (T, 4) is in
        coordinates of the first frame.
        """
        for track, row in zip(histories, rows.tolist(), strict=True):
            if row >= 0:
                track.match_clock, track.score = frame.clock, float(frame.score[row])
        output_ids = self._histories.output_ids
        id = np.array([output_ids.of(track.id) for track in histories], dtype=np.int64)
        order = np.argsort(id)
        rows, histories = rows[order], [histories[k] for k in order]
        xyxy = warp_boxes(xyxy, inverse_affine(frame.to_first))[order]
        persons, tracker_id = self.tracker.persons, [track.id for track in histories]
        matched = rows >= 0
        person_id = _without_repeated(persons.current(tracker_id), matched)
        detection = np.full(len(rows), -1, dtype=np.int64)
        detection[matched] = frame.detection[rows[matched]]
        tracks = Tracks(
            id=id[order],
            person_id=id[order] if not persons.is_active else person_id,
            xyxy=xyxy,
            filtered_xyxy=xyxy,
            score=np.array([track.score for track in histories], dtype=np.float64),
            class_id=np.array([track.class_id for track in histories], dtype=np.int64),
            detection=detection,
            state=np.where(matched, _CONFIRMED, _COASTING),
            age=np.array([frame.clock - t.birth_clock + 1 for t in histories], dtype=np.int64),
            misses=np.array([frame.clock - t.match_clock for t in histories], dtype=np.int64),
        )
        return tracks.with_data(frame.data).with_class_names(self.tracker.class_names)


def _without_repeated(person_id: NDArray[np.int64], matched: NDArray[np.bool_]) -> Any:
    """Persons (T,), 0 for a filled row of a person that another row of the frame shows.

    Two tracks of a person, of which one is matched in a gap of the other, were never seen in one
    frame.
    """
    order = np.argsort(~matched, kind="stable")  # matched rows first
    first = order[np.unique(person_id[order], return_index=True)[1]]
    kept = matched.copy()
    kept[first] = True
    return np.where(kept, person_id, 0)
