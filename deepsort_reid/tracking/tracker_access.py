"""What a caller asks of a tracker beside updates: other types, one embedding, a text."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.structures.class_names import COLUMN, ClassNames, learn_class_names
from deepsort_reid.structures.detection_sources import valid_rows
from deepsort_reid.structures.detections import Detections
from deepsort_reid.structures.frame import Frame
from deepsort_reid.structures.tracks import State, Tracks

if TYPE_CHECKING:
    from deepsort_reid.tracking.extras.id_assignment import IdAssigner
    from deepsort_reid.tracking.extras.person_assignment import PersonAssigner
    from deepsort_reid.tracking.gallery import GalleryStore
    from deepsort_reid.tracking.track_table import TrackTable


class TrackerAccess:
    """Base class of `DeepSort`.

    Attributes:
        class_names: name of each class number, from column "class_name" of the detections so far.
    """

    if TYPE_CHECKING:
        class_names: ClassNames
        _table: TrackTable
        _galleries: GalleryStore
        _id_assigner: IdAssigner
        _persons: PersonAssigner
        _last_detections: Detections

        def update(self, detections: Detections, *, frame: Frame | None = None) -> Tracks: ...

    @property
    def last_id(self) -> int:
        """The highest id so far, 0 before the first one."""
        return self._id_assigner.last_id

    @property
    def last_detections(self) -> Detections:
        """All detections of the last `update`, with embeddings; `Tracks.detection` are its rows."""
        return self._last_detections

    @property
    def persons(self) -> "PersonAssigner":
        """How persons are assigned, to be read only."""
        return self._persons

    def person_of(self, id: int) -> tuple[int, float]:
        """Person of a track by now, and the probability; see `PersonAssigner.person_of`."""
        return self._persons.person_of(id)

    def update_with_detections(
        self, detections: Any, *, frame: Frame | None = None, drop_invalid: bool = False
    ) -> Any:
        """Track an `sv.Detections`, as `sv.ByteTrack` of supervision did.

        Args:
            detections: of the next frame.
            frame: the image, BGR uint8 (H, W, 3); required when embeddings have to be computed.
            drop_invalid: leave out boxes that `Detections` refuses, such as those without an area,
                instead of raising ValueError.

        Returns:
            the detections that belong to a confirmed track, in the order of the input, with
            `tracker_id`, and with the persons in `data["person_id"]`.

        Raises ValueError when `detections` has other attributes, or is refused by `Detections`.
        """
        if drop_invalid:
            detections = detections[valid_rows(detections.xyxy, detections.confidence)]
        tracks = self.update(Detections.from_supervision(detections), frame=frame)
        order = np.argsort(tracks.detection)
        found = detections[tracks.detection[order]]
        found.tracker_id = tracks.id[order].astype(int)
        found.data = {**found.data, "person_id": tracks.person_id[order].astype(int)}
        return found

    def embedding_of(self, id: int) -> NDArray[np.float32] | None:
        """Mean embedding (D,) of the gallery of live track `id`, unit length; None without one.

        Raises ValueError when there is no such track.
        """
        rows = np.flatnonzero((self._table.id == id) & (self._table.id > 0))
        if not len(rows):
            live = self._table.id[self._table.id > 0].tolist()
            raise ValueError(f"id: expected a live track, one of {live}, got {id!r:.80}")
        return self._galleries.mean_embedding(int(self._table.slot[rows[0]]))

    def _with_data(
        self, tracks: Tracks, data: Mapping[str, NDArray[Any]], class_id: NDArray[np.int64]
    ) -> Tracks:
        """The matched tracks with columns (M, ...) of the caller, and names of their classes.

        `class_id` (M,) is that of the detections.
        """
        if COLUMN in data:
            self.class_names = learn_class_names(self.class_names, class_id, data[COLUMN])
        return tracks.with_data(data).with_class_names(self.class_names)

    def __repr__(self) -> str:
        counts = [
            f"{number} {state.name.lower()}"
            for state in State
            if (number := int((self._table.state == state).sum()))
        ]
        return f"{type(self).__name__}({', '.join(counts) or 'no tracks'})"
