"""The corrected result of a run: boxes of persons, and their rows in people.csv."""

import numpy as np

from deepsort_reid.io.people_file import TrackPerson
from deepsort_reid.review.run_folder import Run
from deepsort_reid.review.state import PieceRow, State
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
    tracks, starts, counts = np.unique(run.rows.id, return_index=True, return_counts=True)
    columns = (tracks.tolist(), starts.tolist(), (starts + counts - 1).tolist())
    ends = {track: (first, last) for track, first, last in zip(*columns, strict=True)}
    found: dict[int, TrackPerson] = {}
    for row in state.pieces.values():
        if row.deleted:
            continue
        known = run.people.get(row.track)
        first, last = _times(run, known, ends[row.track], row)
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


def _times(
    run: Run, track: TrackPerson | None, ends: tuple[int, int], piece: PieceRow
) -> tuple[float, float]:
    """First and last time of a piece: those of its track, where its ends are ends of the track.

    Args:
        run: the run.
        track: what people.csv says of the track.
        ends: first and last row of the track.
        piece: the piece.
    """
    frames = run.rows.frame[[*ends, piece.start, piece.stop - 1]]
    if track is None or not np.isfinite([track.first_time, track.last_time]).all():
        return run.info.time_of(int(frames[2])), run.info.time_of(int(frames[3]))
    # Between them in proportion, which is exact where the frame rate does not vary.
    first, last = np.interp(frames[2:], frames[:2], (track.first_time, track.last_time)).tolist()
    return first, last


def _joined(first: TrackPerson, second: TrackPerson) -> TrackPerson:
    return first._replace(
        camera=first.camera or second.camera,
        first_time=min(first.first_time, second.first_time),
        last_time=max(first.last_time, second.last_time),
        frames=first.frames + second.frames,
        probability=float(np.minimum(first.probability, second.probability)),
    )
