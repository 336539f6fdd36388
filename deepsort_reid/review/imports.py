"""Import of labels that were corrected in another program: a run folder of its own."""

import json
from pathlib import Path

import numpy as np
from scipy.optimize import linear_sum_assignment

from deepsort_reid.io.atomic import write_atomically
from deepsort_reid.io.label_files import read_labels
from deepsort_reid.io.mot import write_rows
from deepsort_reid.io.people_file import PEOPLE, TrackPerson, write_people
from deepsort_reid.review.corrected import corrected_people
from deepsort_reid.review.overlaps import find_overlaps
from deepsort_reid.review.run_folder import SUMMARY, Run
from deepsort_reid.review.state import State, initial_state
from deepsort_reid.structures.mot_rows import MotRows

_MIN_IOU = 0.5  # of a box that was moved or resized by hand


def import_labels(run: Run, state: State, file: Path, folder: Path) -> Path:
    """Write a run folder whose tracks are those of a file of labels; returns the folder.

    A person keeps its number and its name where most of its boxes are those of one person of the
    run. The folder has the source of the run, and can be reviewed, cropped and scored like it.

    Args:
        run, state: the run from which the labels were made, and what the edits made of it.
        file: labels: a file that CVAT exported, COCO with `track_id`, or MOT ground truth.
        folder: new or empty.

    Raises ValueError, in one line, for another file or folder, and for labels that go on after the
    end of the video; OSError for a file that cannot be read or written.
    """
    labels = read_labels(file)
    labels = labels[np.isin(labels.class_id, (1, -1)) & (labels.score > 0)]
    if not len(labels):
        raise ValueError(f"{file}: expected labelled people, found none")
    last = int(labels.frame.max())
    if run.info.num_frames is not None and last > run.info.num_frames:
        raise ValueError(
            f"{file}: the labels go to frame {last} but the video has {run.info.num_frames}"
        )
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ValueError(f"{folder}: expected a new or empty folder for the imported tracks")
    rows = _with_persons(labels, run, state)
    folder.mkdir(parents=True, exist_ok=True)
    write_rows(folder / "tracks.txt", rows, "result")
    write_people(folder / PEOPLE, _people(rows, run, state))
    info = run.info
    path = None if info.source is None else str(info.source.absolute())
    summary = {
        "status": "complete",
        "source": path,
        "imported": str(file),
        "input": {
            "path": path,
            "width": info.width,
            "height": info.height,
            "frame_rate": info.fps,
        },
        "files": sorted([PEOPLE, "tracks.txt"]),
    }
    write_atomically(folder / SUMMARY, f"{json.dumps(summary, indent=2)}\n")
    return folder


def _with_persons(labels: MotRows, run: Run, state: State) -> MotRows:
    """The labels with persons of the run as ids; new ones where nobody fits."""
    person = np.zeros(len(run.rows), dtype=np.int64)
    for row in state.pieces.values():
        person[row.start : row.stop] = 0 if row.deleted else row.person
    known = run.rows[person > 0]
    both = MotRows.concatenate([known, labels])
    overlaps = find_overlaps(both)
    low = np.minimum(overlaps.first, overlaps.second)
    high = np.maximum(overlaps.first, overlaps.second)
    matched = (low < len(known)) & (high >= len(known)) & (overlaps.iou >= _MIN_IOU)
    persons, p = np.unique(person[person > 0], return_inverse=True)
    ids, i = np.unique(labels.id, return_inverse=True)
    common = np.zeros((len(ids), len(persons)), dtype=np.int64)
    np.add.at(common, (i[high[matched] - len(known)], p[low[matched]]), 1)
    new = state.next_person + np.arange(len(ids))
    for at, column in zip(*linear_sum_assignment(-common), strict=True):
        if common[at, column]:
            new[at] = persons[column]
    return MotRows(labels.frame, new[i], labels.xyxy, np.ones(len(labels)))


def _people(rows: MotRows, run: Run, state: State) -> list[TrackPerson]:
    """The rows of people.csv; every person was decided by hand."""
    ordered = rows[np.lexsort((rows.frame, rows.id))]
    of_labels = initial_state(ordered.id, {int(id): int(id) for id in ordered.id}, state.names)
    camera = next((each.camera for each in run.people.values()), "")
    labelled = Run(run.info, ordered, {}, {}, None, "")
    return [
        each._replace(camera=camera, probability=1.0)
        for each in corrected_people(labelled, of_labels)
    ]
