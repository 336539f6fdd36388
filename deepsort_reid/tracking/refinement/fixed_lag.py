"""The tracker's stream some frames later, with what was learned in the meantime put right.

An online tracker must say at once who is where. Where a second of delay does no harm, as in
recording, counting or annotating, its answer can be held back for so long and corrected before it
leaves: with the frames that follow it, and with nothing else.
"""

from collections import deque
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.structures.detections import Detections
from deepsort_reid.structures.frame import Frame
from deepsort_reid.structures.tracks import State, Tracks
from deepsort_reid.tracking.following import Follower
from deepsort_reid.tracking.refinement.frame_buffer import HeldFrame, Smoother, moved, undone
from deepsort_reid.tracking.refinement.linking import Linking
from deepsort_reid.tracking.refinement.track_histories import Person, Persons
from deepsort_reid.tracking.tracker import DeepSort

Array = NDArray[np.float64]


class LaggedTracks(NamedTuple):
    """The corrected tracks of an earlier frame, and which frame that is: the number of its update,
    from 1. `frame_number, tracks = delayed`.
    """

    number: int
    tracks: Tracks


class FixedLag:
    """A tracker whose answer comes `frames` updates later, corrected by what was seen since.

        late = FixedLag(DeepSort(), frames=30)
        for detections in video:
            delayed = late.update(detections)
            if delayed is not None:
                show(delayed.number, delayed.tracks)
        for number, tracks in late.flush():
            show(number, tracks)

    Every frame leaves exactly once, in order. Corrected is what the frames held back can tell:

    - A track has its id from its first frame on, not only from its confirmation; and where the
      tracker corrects an id, the frames held back get the new one, too.
    - Where a person was missed and is seen again within the lag, the gap is filled if it has at
      most 30 frames: such a row has the state `COASTING`, `detection` -1, and counts its misses.
    - A track on which one that ended walked on gets the id of that one, from then on for good
      (`Linking`: motion forwards and backwards, and the looks of both). Who comes back from
      elsewhere is left to the tracker's memory (`DeepSortConfig.identity_memory_size`).
    - Boxes are smoothed: `xyxy` and `filtered_xyxy` are where the track's past and its next
      `frames` frames say the person was. The detection's own box is `detections.xyxy[detection]`.

    With `frames` = 0 there is nothing to correct by, and the tracker's own answer comes at once.

    Args:
        tracker: fresh, or after other frames; nobody else may update it.
        frames: how many updates later; memory and delay grow with it.
        linking: when two tracks are one person; `Linking()` unless given.

    Raises ValueError when `tracker` is no DeepSort or `frames` no whole number of at least 0.
    """

    def __init__(
        self, tracker: DeepSort, frames: int = 30, *, linking: Linking | None = None
    ) -> None:
        if not hasattr(tracker, "update"):
            raise ValueError(f"tracker must be a DeepSort, got {type(tracker).__name__}")
        if not isinstance(frames, int | np.integer) or isinstance(frames, bool) or frames < 0:
            raise ValueError(f"frames must be a whole number, at least 0, got {frames!r}")
        self.tracker = tracker
        self.frames = int(frames)
        self._linking = linking or Linking()
        self._forget()

    def reset(self) -> None:
        """Forget everything, the frames held back too, and reset the tracker: another video."""
        self.tracker.reset()
        self._forget()

    def _forget(self) -> None:
        self._held: deque[HeldFrame] = deque()
        self._number, self._time = 0, 0.0
        self._to_start = np.eye(3)
        self._follower = Follower()
        self._persons = Persons(self._linking, self.tracker.identities.last_id)
        self._smoother = Smoother()

    def update(
        self,
        detections: Detections,
        *,
        frame: Frame | None = None,
        camera: Array | None = None,
        dt: float = 1.0,
    ) -> LaggedTracks | None:
        """Take in the next frame, and say who was where `frames` updates ago.

        The arguments are those of `DeepSort.update`.

        Returns:
            number and tracks of the frame that leaves, in the order of their ids; None for the
            first `frames` updates.

        Raises:
            ValueError: as `DeepSort.update`, or a `camera` that maps all on a line. Nothing has
                changed then.
        """
        back = undone(camera)
        if isinstance(detections, Detections):
            detections = self.embed(detections, frame)
        now = self.tracker.update(detections, frame=frame, camera=camera, dt=dt)
        self._number += 1
        self._time += dt
        if not self.frames:
            return LaggedTracks(self._number, now)
        self._to_start = self._to_start @ back
        self._take_in(self.tracker.tracks, detections, dt)
        return self._leave() if len(self._held) > self.frames else None

    def embed(self, detections: Detections, frame: Frame | None) -> Detections:
        """The detections with embeddings, as `DeepSort.embed` gives them."""
        return self.tracker.embed(detections, frame)

    def flush(self) -> list[LaggedTracks]:
        """The frames still held back, in order: the video is over."""
        return [self._leave() for _ in range(len(self._held))]

    def _take_in(self, table: Tracks, detections: Detections, dt: float) -> None:
        """The newest frame joins the window."""
        persons = self._persons.of_rows(self._follower.follow(table, dt).tolist())
        seen = np.flatnonzero(table.detection >= 0)
        # What was detected: it is smoothed once, with what comes after.
        xyxy = moved(detections.xyxy[table.detection[seen]], self._to_start)
        for row, person in enumerate(persons):
            person.class_id = int(table.class_id[row])
            if not person.born:
                person.born = self._follower.clock - int(table.age[row]) + 1
        for row, box in zip(seen.tolist(), xyxy, strict=True):
            persons[row].see(self._number, self._time, box)
        least = self.tracker.config.min_gallery_score
        self._persons.look(persons, table, detections, least)
        frame = HeldFrame(self._number, self._time, self._follower.clock, self._to_start)
        key = np.array([persons[row].key for row in seen.tolist()], dtype=np.int64)
        frame.fill(key, xyxy, table.score[seen], table.detection[seen])
        self._held.append(frame)
        self._persons.name(table.id.tolist(), self._held)

    def _leave(self) -> LaggedTracks:
        """The oldest frame, as it is known by now."""
        self._persons.link(self._held)
        leaving = self._held[0]
        persons = self._persons.leave(self._held)
        key = np.array([person.key for person in persons], dtype=np.int64)
        # A size is never smoothed to less than was ever seen.
        smallest = np.array([person.smallest for person in persons]).reshape(-1, 2)
        xyxy = self._smoother.boxes(self._held, key, smallest)
        tracks = self._tracks(leaving, persons, leaving.rows_of(key), xyxy)
        self._held.popleft()
        self._persons.drop(leaving.number, self.tracker.identities.id.tolist())
        return LaggedTracks(leaving.number, tracks)

    def _tracks(
        self, leaving: HeldFrame, persons: list[Person], rows: NDArray[np.intp], xyxy: Array
    ) -> Tracks:
        """The frame's tracks, by the numbers under which the persons leave."""
        for person, row in zip(persons, rows.tolist(), strict=True):
            if row >= 0:
                person.seen_at, person.score = leaving.clock, float(leaving.score[row])
        id = np.array([self._persons.numbers.of(p.id) for p in persons], dtype=np.int64)
        order = np.argsort(id)
        xyxy = moved(xyxy, np.asarray(np.linalg.inv(leaving.to_start)))[order]
        rows = rows[order]
        persons = [persons[k] for k in order]
        whole = {
            "class_id": [person.class_id for person in persons],
            "age": [leaving.clock - person.born + 1 for person in persons],
            "misses": [leaving.clock - person.seen_at for person in persons],
        }
        detection = np.full(len(rows), -1, dtype=np.int64)
        detection[rows >= 0] = leaving.detection[rows[rows >= 0]]
        return Tracks(
            id=id[order],
            xyxy=xyxy,
            filtered_xyxy=xyxy,
            score=np.array([person.score for person in persons], dtype=np.float64),
            detection=detection,
            state=np.where(rows >= 0, State.CONFIRMED, State.COASTING).astype(np.int64),
            **{name: np.array(values, dtype=np.int64) for name, values in whole.items()},
        )
