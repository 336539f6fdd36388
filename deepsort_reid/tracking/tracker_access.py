"""What a caller asks of a tracker beside updates: other types, one embedding, a text."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.structures.detections import Detections
from deepsort_reid.structures.frame import Frame
from deepsort_reid.structures.tracks import State, Tracks

if TYPE_CHECKING:
    from deepsort_reid.tracking.gallery import GalleryStore
    from deepsort_reid.tracking.track_table import TrackTable


class TrackerAccess:
    """Base class of `DeepSort`."""

    if TYPE_CHECKING:
        _table: TrackTable
        _galleries: GalleryStore

        def update(self, detections: Detections, *, frame: Frame | None = None) -> Tracks: ...

    def update_with_detections(self, detections: Any, *, frame: Frame | None = None) -> Any:
        """Track an `sv.Detections`, as `sv.ByteTrack` of supervision did.

        Args:
            detections: of the next frame.
            frame: the image, BGR uint8 (H, W, 3); required when embeddings have to be computed.

        Returns:
            the detections that belong to a confirmed track, in the order of the input, with
            `tracker_id`, and with the persons in `data["person_id"]`.

        Raises ValueError when `detections` has other attributes, or is refused by `Detections`.
        """
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

    def __repr__(self) -> str:
        counts = [
            f"{number} {state.name.lower()}"
            for state in State
            if (number := int((self._table.state == state).sum()))
        ]
        return f"{type(self).__name__}({', '.join(counts) or 'no tracks'})"
