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
        id: of that track; None without an unambiguous match.
        reason: why this track was found, or none, as text.
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
    """Find the ended track that a new track of the same camera and run continues.

    Args:
        decisions: records, topology and matching.
        camera: the camera of the new track, which is not in the records yet.
        prototypes: of the new track: one, the mean of a few embeddings.
        inter_identity_distance: mean distance between single embeddings of people in one frame.
        first_time: of its first detection. Tracks matched since then show other people.
        present: ids of further tracks that show other people.

    The rule that matches persons is applied to single tracks, because an id numbers one continuous
    track: the match must be unambiguous among the tracks of a person, too. Tracks of other cameras
    are candidates as well, so that a person who comes from there does not get the id of a similar
    person.
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
