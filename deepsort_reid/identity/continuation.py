"""Continuation: the id of an ended track that a new one takes over."""

from collections.abc import Collection
from typing import NamedTuple

import numpy as np

from deepsort_reid.identity.constraints import time_conflicts
from deepsort_reid.identity.decisions import Decisions
from deepsort_reid.identity.prototypes import Prototypes
from deepsort_reid.identity.track_records import TRACK_ROW, CameraRow


class Continuation(NamedTuple):
    """Result of a search for the track that a new one continues.

    Attributes:
        id: of that track, None when there is no clear one.
        reason: in words.
    """

    id: int | None
    reason: str


def find_continued(
    decisions: Decisions,
    camera: CameraRow,
    prototypes: Prototypes,
    inter_identity_distance: float,
    first_time: float,
    present: Collection[int],
) -> Continuation:
    """The track of the run of a camera that a new one, not in the records yet, continues.

    Args:
        decisions: records, topology and matching.
        camera: the camera.
        prototypes: of the new track: one, the mean of a few embeddings.
        inter_identity_distance: mean distance between single embeddings of people in one frame.
        first_time: of its first detection: tracks matched since then are other people.
        present: ids of further tracks that are other people.

    Tracks are compared by the rule for persons, but each one by itself: an id numbers one
    continuous track, so that it must be clear which one of the tracks of a person is continued.
    Those of other cameras are compared, too: a person who comes from there does not get the id of
    somebody similar.
    """
    records, rows = decisions.records, decisions.records.rows
    own = np.zeros(1, dtype=TRACK_ROW)
    own["camera"], own["framewise"] = camera.number, True
    own["first_time"], own["last_time"] = first_time, max(first_time, camera.last_time)
    of_run = (rows["camera"] == camera.number) & (rows["run"] == camera.run) & (rows["person"] > 0)
    others = of_run & ((rows["last_time"] >= first_time) | np.isin(rows["id"], list(present)))
    for mask in time_conflicts(records, decisions.topology, own).values():
        others |= mask[0]
    view = decisions.view(prototypes.embedding, set(rows["person"][others].tolist()))

    def name(key: int) -> str:
        is_here = of_run[key - records.first_key]
        return f"track {records.row(key)['id']}" if is_here else "track of another camera or run"

    match = decisions.matching.match(
        prototypes,
        view._replace(person=view.track),
        inter_identity_distance=inter_identity_distance,
        name=name,
    )
    if match.person is None or not of_run[match.person - records.first_key]:
        return Continuation(None, match.reason)
    return Continuation(int(records.row(match.person)["id"]), match.reason)
