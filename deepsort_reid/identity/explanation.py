"""Explanation in words: why a track is the person that it is."""

from typing import NamedTuple

import numpy as np

from deepsort_reid.identity.constraints import Obstacle, obstacles
from deepsort_reid.identity.decisions import Decisions
from deepsort_reid.identity.track_records import TrackRecord

_SHOWN = 5  # persons


class ComparedPerson(NamedTuple):
    """A person that a track was compared with.

    Attributes:
        person_id: the person.
        distance: cosine distance of the nearest pair of prototypes.
        track: the track of the person with the nearest prototype.
        num_embeddings, own_num_embeddings: number of embeddings in the two prototypes.
        obstacle: why the track cannot be this person, whatever the distance; None when it can.
        obstacle_track: the track of the person that forbids it.
    """

    person_id: int
    distance: float
    track: TrackRecord
    num_embeddings: int
    own_num_embeddings: int
    obstacle: str | None
    obstacle_track: TrackRecord | None


class PersonExplanation(NamedTuple):
    """Why a track is the person that it is; `str()` puts it in words.

    Attributes:
        track: the track, with its person.
        reason: the last decision in words.
        compared: the nearest persons as of now, nearest first.
    """

    track: TrackRecord
    reason: str
    compared: list[ComparedPerson]

    def __str__(self) -> str:
        track = self.track
        sure = "set by hand" if track.by_hand else f"probability {track.probability:.2f}"
        known = f"{sure}, {track.num_embeddings} embeddings"
        lines = [f"{_name(track)} is person {track.person_id} ({known}): {self.reason}"]
        for each in self.compared:
            line = (
                f"  person {each.person_id}: distance {each.distance:.3f} between a prototype of "
                f"{each.own_num_embeddings} embeddings and one of {each.num_embeddings} of "
                f"{_name(each.track)}"
            )
            if each.obstacle is not None and each.obstacle_track is not None:
                line += f"; impossible: {each.obstacle} {_name(each.obstacle_track)}"
            lines.append(line)
        return "\n".join(lines)


def explain(decisions: Decisions, key: int) -> PersonExplanation:
    """Explain the person of a track."""
    records = decisions.records
    own = records.prototypes_of(key)
    forbidden = {each.person: each for each in obstacles(records, decisions.topology, key)}
    compared: list[ComparedPerson] = []
    view = decisions.view(own.embedding, (), key)
    rows = np.flatnonzero((view.track >= 0) & (view.track != key) & (view.person > 0))
    if len(rows) and len(own.embedding):
        similarity = view.prototypes[rows] @ own.embedding.T
        seen: set[int] = set()
        for index in np.argsort(-similarity.max(axis=1), kind="stable").tolist():
            row = int(rows[index])
            person = int(view.person[row])
            if person in seen:
                continue
            seen.add(person)
            prototype = int(similarity[index].argmax())
            obstacle: Obstacle | None = forbidden.get(person)
            compared.append(
                ComparedPerson(
                    person,
                    float(1 - similarity[index, prototype]),
                    records.track(int(view.track[row])),
                    int(view.counts[row]),
                    int(own.counts[prototype]),
                    None if obstacle is None else obstacle.reason,
                    None if obstacle is None else records.track(obstacle.track),
                )
            )
            if len(compared) == _SHOWN:
                break
    return PersonExplanation(records.track(key), records.reasons.get(key, ""), compared)


def _name(track: TrackRecord) -> str:
    return f"track {track.id} of camera {track.camera}"
