"""Exports of a review: the corrected result in formats of other programs and of this package."""

from collections.abc import Callable
from pathlib import Path

from deepsort_reid.io.coco import write_coco
from deepsort_reid.io.cvat import write_cvat_mot
from deepsort_reid.io.cvat_xml import write_cvat_xml
from deepsort_reid.io.mot import write_rows
from deepsort_reid.io.people_file import PEOPLE, write_people
from deepsort_reid.review.corrected import as_ground_truth, corrected_people, corrected_rows
from deepsort_reid.review.run_folder import Run
from deepsort_reid.review.state import State


def export(run: Run, state: State, kind: str, folder: Path) -> Path:
    """Write one kind of export to a folder, which is made; returns the file.

    Args:
        run, state: the run and what the edits made of it.
        kind: one of `EXPORTS`.
        folder: in which an earlier file of that name is replaced.

    Raises ValueError for another kind, and where no box is left; OSError that names the file.
    """
    if kind not in EXPORTS:
        raise ValueError(f"expected an export of {', '.join(EXPORTS)}, got {kind!r:.40}")
    if all(row.deleted for row in state.pieces.values()):
        raise ValueError("nothing to export: every track is deleted")
    name, write = EXPORTS[kind]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    write(run, state, path)
    return path


def _write_mot(run: Run, state: State, path: Path) -> None:
    write_rows(path, corrected_rows(run, state), "result")


def _write_people(run: Run, state: State, path: Path) -> None:
    write_people(path, corrected_people(run, state))


def _write_ground_truth(run: Run, state: State, path: Path) -> None:
    write_rows(path, as_ground_truth(corrected_rows(run, state)), "gt")


def _write_cvat_mot(run: Run, state: State, path: Path) -> None:
    write_cvat_mot(path, corrected_rows(run, state))


def _write_cvat_xml(run: Run, state: State, path: Path) -> None:
    info = run.info
    frames = max(info.num_frames or 0, info.last_frame)
    write_cvat_xml(
        path,
        corrected_rows(run, state),
        name=info.name,
        frames=frames,
        size=(info.width, info.height),
        every=info.every,
        names=state.names,
    )


def _write_coco(run: Run, state: State, path: Path) -> None:
    size = run.info.width, run.info.height
    write_coco(path, corrected_rows(run, state), name=run.info.name, size=size, names=state.names)


# Kind -> file name and writer.
EXPORTS: dict[str, tuple[str, Callable[[Run, State, Path], None]]] = {
    "mot": ("tracks.txt", _write_mot),
    "people": (PEOPLE, _write_people),
    "ground_truth": ("gt.txt", _write_ground_truth),
    "cvat_mot": ("cvat-mot.zip", _write_cvat_mot),
    "cvat_xml": ("cvat-video.xml", _write_cvat_xml),
    "coco": ("coco.json", _write_coco),
}
