"""The corrected result of a run: boxes of persons, and their rows in people.csv."""

import numpy as np

from deepsort_reid.io.people_file import TrackPerson
from deepsort_reid.review.run_folder import Run
from deepsort_reid.review.state import State
from deepsort_reid.structures.mot_rows import MotRows


def corrected_rows(run: Run, state: State) -> MotRows:
    """The boxes without those of deleted pieces, with persons as ids, sorted by frame and id."""
    person = np.zeros(len(run.rows), dtype=np.int64)
    for row in state.pieces.values():
        if not row.deleted:
            person[row.start : row.stop] = row.person
    kept = np.flatnonzero(person)
    kept = kept[np.lexsort((person[kept], run.rows.frame[kept]))]
    rows = run.rows[kept]
    return MotRows(rows.frame, person[kept], rows.xyxy, rows.score, rows.class_id)


def as_ground_truth(rows: MotRows) -> MotRows:
    """The rows as labels of people, all of which count; visibility is unknown."""
    one = np.ones(len(rows))
    return MotRows(rows.frame, rows.id, rows.xyxy, one, one.astype(np.int64))


def corrected_people(run: Run, state: State) -> list[TrackPerson]:
    """A row for each person of the corrected boxes, in the order of ids.

    The probability is the lowest one of its tracks; that of a decision by hand is 1.
    """
    info, frame = run.info, run.rows.frame
    found: dict[int, TrackPerson] = {}
    for row in state.pieces.values():
        if row.deleted:
            continue
        known = run.people.get(row.track)
        first, last = (info.time_of(int(frame[at])) for at in (row.start, row.stop - 1))
        piece = TrackPerson(
            id=row.person,
            person_id=row.person,
            camera=known.camera if known else "",
            first_time=first,
            last_time=last,
            frames=row.stop - row.start,
            probability=1.0 if row.by_hand else known.probability if known else float("nan"),
        )
        found[row.person] = _joined(found[row.person], piece) if row.person in found else piece
    return [found[person]._replace(name=state.names.get(person, "")) for person in sorted(found)]


def _joined(first: TrackPerson, second: TrackPerson) -> TrackPerson:
    return first._replace(
        camera=first.camera or second.camera,
        first_time=min(first.first_time, second.first_time),
        last_time=max(first.last_time, second.last_time),
        frames=first.frames + second.frames,
        probability=float(np.minimum(first.probability, second.probability)),
    )
