"""The tracks of a fixed lag: which rows of the tracker's table are one person, and under which id.

The tracker re-identifies people, corrects ids and starts new tracks for people whom it lost. Each
such finding applies to all frames that have not been emitted yet.
"""

from collections import deque
from collections.abc import Callable
from itertools import islice

import numpy as np

from deepsort_reid.structures.detections import Detections
from deepsort_reid.tracking.distance_calibration import Calibration
from deepsort_reid.tracking.refinement.frame_buffer import BufferedFrame
from deepsort_reid.tracking.refinement.linking import Linking, normalize_rows
from deepsort_reid.tracking.refinement.output_ids import OutputIds
from deepsort_reid.tracking.refinement.track_history import TrackHistory, endpoints_of
from deepsort_reid.tracking.track_table import TrackTable

_MAX_GAP = 30  # frames: over a longer gap the path of the person is unknown
_MAX_CALIBRATION_TRACKS = 32  # per frame; more of them would not change the mean distance


class TrackHistories:
    """The histories of all tracks that are in the tracker's table or in a buffered frame.

    Args:
        linking: rule by which an ended and a begun track are one person.
        last_id: the highest id given before the first frame; a track that gets an id up to it
            belongs to a person known before.
    """

    NOT_STATE = frozenset({"_linking"})

    def __init__(self, linking: Linking, last_id: int) -> None:
        self.output_ids = OutputIds()
        self._linking = linking
        self._last_id = last_id
        self._by_row: dict[int, TrackHistory] = {}  # by the key of the row in the tracker's table
        self._by_key: dict[int, TrackHistory] = {}  # by the key of the history
        self._next_key = 1
        self._calibration = Calibration()

    def __len__(self) -> int:
        return len(self._by_key)

    def copy_written(self) -> None:
        """Begin an update: from now on, histories and dictionaries that others hold stay as is."""
        self._by_key = {key: track.copy() for key, track in self._by_key.items()}
        self._by_row = {row: self._by_key[track.key] for row, track in self._by_row.items()}

    def of_rows(self, row_keys: list[int]) -> list[TrackHistory]:
        """The histories of the tracker's rows, given the keys of these; new ones for new rows."""
        self._by_row = {row: self._by_row.get(row) or self._create() for row in row_keys}
        return list(self._by_row.values())

    def emit(self, buffer: deque[BufferedFrame]) -> list[TrackHistory]:
        """The tracks to report in the oldest frame, in the order of their keys.

        These are the tracks with an id that were matched in it, and those in a gap: they were
        reported in the frame before and are matched again soon. A gap is filled as a whole or, if
        its end is not known when its first frame is emitted, not at all.
        """
        number, matched = buffer[0].number, set(buffer[0].key.tolist())
        with_id = [track for track in self._by_key.values() if track.id]
        reported = [track for track in with_id if track.key in matched]
        if len(reported) < len(with_id):
            soon = {key for frame in islice(buffer, 1, _MAX_GAP + 1) for key in frame.key.tolist()}
            soon -= matched
            reported += [
                track
                for track in with_id
                if track.emitted_frame == number - 1 and track.key in soon
            ]
        for track in reported:
            track.emitted_frame = number
        return sorted(reported, key=lambda track: track.key)

    def add_embeddings(
        self,
        tracks: list[TrackHistory],
        table: TrackTable,
        detections: Detections,
        min_score: float,
    ) -> None:
        """Add the embeddings of detections from `min_score` up to the histories of table rows.

        The inter-identity distance is updated by them, too.
        """
        if detections.embedding is None:
            return
        storable = (table.detection >= 0) & (table.score >= min_score)
        rows = np.flatnonzero(storable)
        embedding = detections.embedding[table.detection[rows]]
        present = embedding.any(axis=1)
        added = embedding[present].astype(np.float64)
        for row, track_embedding in zip(rows[present].tolist(), added, strict=True):
            tracks[row].add_embedding(track_embedding)
        sums = [tracks[row].embedding_sum for row in np.flatnonzero(storable & (table.id > 0))]
        known = [total for total in sums if total is not None][:_MAX_CALIBRATION_TRACKS]
        if len(known) > 1:
            means = normalize_rows(np.array(known)).astype(np.float32)
            self._calibration.update_inter(means)

    def assign_ids(self, ids: list[int], buffer: deque[BufferedFrame]) -> None:
        """Take over the ids that the tracker has given to its rows."""
        # Ids are compared with those before this update: several may be new in one frame.
        last_id = self._last_id
        for (row, track), id in zip(list(self._by_row.items()), ids, strict=True):
            if id != track.id:
                self._change_id(row, id, id > last_id, buffer)

    def link(self, buffer: deque[BufferedFrame]) -> None:
        """Merge tracks that `linking` takes for one person, at the last moment.

        That is when the first frame is emitted in which the ended track was not matched, or the
        first one of the begun track. A person who reappears elsewhere is left to the
        tracker.
        """
        oldest = buffer[0].number
        tracks = sorted(self._by_key.values(), key=lambda track: track.last_frame)
        latest = {track.id: track for track in tracks if track.id and track.last_frame}
        begun = [t for t in tracks if t.linkable and t.id and t.first_frame >= oldest]
        ended = [t for t in latest.values() if t.last_frame < oldest]
        end_is_due = [track.last_frame == oldest - 1 for track in ended]
        begin_is_due = [track.first_frame == oldest for track in begun]
        if not (begun and ended and (any(end_is_due) or any(begin_is_due))):
            return
        endpoints = endpoints_of(self._linking.model, ended, begun)
        pairs = self._linking(*endpoints, self._calibration.inter_identity_distance)
        for end, begin in pairs.tolist():
            earlier, later = ended[end], begun[begin]
            is_due = end_is_due[end] or begin_is_due[begin]
            if is_due and self._is_motion_consistent(earlier, later):
                self.output_ids.swap(earlier.id, later.id)
                self._merge(earlier, later, buffer)

    def drop(self, number: int, may_return: Callable[[int], bool]) -> set[int]:
        """Drop tracks that are not in the table and not matched in frame `number` or later.

        And the output ids of ids that no track has and that may not return.
        Returns the output ids of these tracks that no other track has.
        """
        in_table = {track.key for track in self._by_row.values()}
        # A track matched in frame `number` itself may have a gap from the next frame on.
        finished = [
            track
            for track in self._by_key.values()
            if track.last_frame < number and track.key not in in_table
        ]
        if not finished:
            return set()
        for track in finished:
            del self._by_key[track.key]
        used = {track.id for track in self._by_key.values()}
        ended = {self.output_ids.of(track.id) for track in finished if track.id not in used}
        self.output_ids.prune(lambda id: id in used or may_return(id))
        return ended

    def _create(self, id: int = 0) -> TrackHistory:
        track = TrackHistory(self._next_key, id)
        self._by_key[track.key] = track
        self._next_key += 1
        return track

    def _change_id(self, row: int, id: int, is_new: bool, buffer: deque[BufferedFrame]) -> None:
        """The tracker gave the track of a table row its first id, or another one."""
        track = self._by_row[row]
        previous, track.id = track.id, id
        if track.merged:  # it has been emitted under an output id, and keeps that
            self.output_ids.swap(previous, id)
            return
        if is_new:
            self._last_id = max(self._last_id, id)
            return
        # The person is known already, and the earlier track has the same id: no link is needed.
        track.linkable = False
        earlier = [
            other
            for other in self._by_key.values()
            if other.id == id and 0 < other.last_frame < track.first_frame
        ]
        if not earlier or track.first_frame < buffer[0].number:
            return
        # Only the latest one: the person may have been elsewhere between it and the others.
        latest = max(earlier, key=lambda other: other.last_frame)
        if self._is_motion_consistent(latest, track):
            self._merge(latest, track, buffer)

    def _is_motion_consistent(self, earlier: TrackHistory, later: TrackHistory) -> bool:
        """Whether motion explains how the person got from the end of `earlier` to `later`."""
        endpoints = endpoints_of(self._linking.model, [earlier], [later])
        return bool(self._linking.is_motion_consistent(*endpoints)[0])

    def _merge(
        self, earlier: TrackHistory, later: TrackHistory, buffer: deque[BufferedFrame]
    ) -> None:
        """Make `later` a part of `earlier`, in the buffered frames, too."""
        for number, frame in enumerate(buffer):
            buffer[number] = frame.with_key_replaced(later.key, earlier.key)
        self._detach_rows(earlier)
        self._by_row = {
            row: earlier if track is later else track for row, track in self._by_row.items()
        }
        earlier.merge(later)
        del self._by_key[later.key]

    def _detach_rows(self, track: TrackHistory) -> None:
        """Give rows that coast as `track` a history of their own: they can only match others."""
        for row, coasting in self._by_row.items():
            if coasting is track:
                self._by_row[row] = self._create(track.id)
