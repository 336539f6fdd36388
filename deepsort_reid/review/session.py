"""A review: the result of a run, the edits of a person, and what follows from them."""

import threading
from collections import defaultdict
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.io.folder_lock import FolderLock
from deepsort_reid.review.corrected import corrected_rows
from deepsort_reid.review.crops import CropRef, Pictures, best_rows, crop_quality
from deepsort_reid.review.doubts import Doubt, Doubts
from deepsort_reid.review.edit_log import EDITS, EditLog, Step, read_steps
from deepsort_reid.review.edits import Edit
from deepsort_reid.review.exports import export
from deepsort_reid.review.imports import import_labels
from deepsort_reid.review.likeness import Likeness
from deepsort_reid.review.obey import correct_registry
from deepsort_reid.review.overlaps import Overlaps, find_overlaps
from deepsort_reid.review.run_folder import Run, RunInfo, read_run
from deepsort_reid.review.state import State, apply_edit, initial_state
from deepsort_reid.review.views import Boxes, BoxesByFrame, Person, Piece, make_persons, make_pieces
from deepsort_reid.structures.frame import Frame
from deepsort_reid.structures.mot_rows import MotRows

_CROPS_OF_PERSON = 24  # shown, of all pieces together
_CROPS_TO_COMPARE = 3  # of each piece
_MAX_WAIT = 3.0  # seconds for embeddings of other persons

T = TypeVar("T")


class Review:
    """A review of a run folder; every method may be called from several threads.

    Edits are kept in edits.jsonl in the run folder: each one is on the disk when `apply` returns.
    The folder is locked until `close`. A context manager.

    Attributes:
        info: of the run.
        fingerprint: of tracks and persons before the first edit.
        revision: number of edits, undos and redos so far.
        registry_notes: after `close`, which corrections the registry of the run has not got.
    """

    def __init__(self, run: Run, steps: list[tuple[int, Step]], log: EditLog | None) -> None:
        self.info: RunInfo = run.info
        self.fingerprint = run.fingerprint
        self.revision = 0
        self._run = run
        self._log = log
        self._lock = threading.RLock()
        self._release: Callable[[], None] = lambda: None
        names = {each.person_id: each.name for each in run.people.values() if each.name}
        self.registry_notes: list[str] = []
        self._initial = initial_state(run.rows.id, run.persons, names)
        self._done = [self._initial]
        self._undone: list[State] = []
        self._pictures = Pictures(run.info.source or run.info.video)
        self._derived: dict[str, object] = {}
        for line, step in steps:
            try:
                self._advance(step)
            except ValueError as error:
                raise ValueError(
                    f"{run.info.folder / EDITS}:{line}: the edit does not fit: {error}"
                ) from None

    @classmethod
    def open(cls, folder: Path | str, *, read_only: bool = False) -> "Review":
        """Open a run folder with the edits so far.

        read_only: edits are refused, and the folder is not locked.

        Raises:
            OSError: the folder or a file cannot be read.
            ValueError: in one line: it is no run folder, a file in it is damaged, the edits do not
                fit, or another process has the folder open.
        """
        folder = Path(folder)
        lock = None if read_only or not folder.is_dir() else FolderLock(folder)
        try:
            run = read_run(folder)
            path, steps, length = folder / EDITS, [], None
            if path.is_file():
                loaded = read_steps(path, run.fingerprint)
                steps = list(zip(loaded.lines, loaded.steps, strict=True))
                length = loaded.length
                if loaded.torn:
                    run.info.warnings.append(
                        f"{path}: the last line is incomplete and is left out: the edit was not "
                        "completed"
                    )
            log = None if read_only else EditLog(path, run.fingerprint, length)
            review = cls(run, steps, log)
        except BaseException:
            if lock is not None:
                lock.release()
            raise
        if lock is not None:
            review._release = lock.release
        return review

    @property
    def can_undo(self) -> bool:
        """Whether there is an edit to undo."""
        return len(self._done) > 1

    @property
    def can_redo(self) -> bool:
        """Whether an edit was undone last."""
        return bool(self._undone)

    @property
    def state(self) -> State:
        """What the edits so far have made of the run; it is never changed."""
        return self._done[-1]

    @property
    def boxes(self) -> Boxes:
        """All boxes, sorted by frame."""
        return self._derive("boxes", lambda: self._by_frame.boxes(self.state))

    def pieces(self) -> list[Piece]:
        """All pieces, deleted ones included, in the order of their ids."""
        return self._derive("pieces", lambda: make_pieces(self._run, self.state))

    def persons(self) -> list[Person]:
        """The persons that have a piece that is not deleted, in the order of their ids."""
        return self._derive("persons", lambda: make_persons(self.state, self.pieces()))

    def doubts(self) -> list[Doubt]:
        """Cases in which the tracker may be wrong, least certain first."""
        return self._derive("doubts", lambda: self._doubts.find(self.state))

    def crops(self, person: int, *, distances: bool = True) -> list[CropRef]:
        """The best crops of a person, in the order of time.

        distances: compute their embeddings, where there is a video, and from these the distances.

        Raises ValueError when there is no such person.
        """
        with self._lock:
            state, rows = self.state, self._run.rows
            pieces = self._pieces_of(person)
            number = max(_CROPS_OF_PERSON // len(pieces), 2)
            piece_of = {
                row: piece
                for piece in pieces
                for row in best_rows(self._quality, state.pieces[piece], number)
            }
        distance_of = {}
        if distances and self.info.source is not None:
            self._likeness.embed(piece_of)
            distance_of = self._likeness.distances(list(piece_of))
        found = []
        for row, piece in sorted(piece_of.items(), key=lambda each: int(rows.frame[each[0]])):
            left, top, right, bottom = rows.xyxy[row].tolist()
            quality, distance = float(self._quality[row]), distance_of.get(row)
            box = left, top, right, bottom
            found.append(CropRef(piece, int(rows.frame[row]), box, quality, distance))
        return found

    def alike(self, person: int, limit: int = 8) -> list[tuple[int, float]]:
        """The most similar other persons, with a similarity from 0 to 1; none without a video.

        The embeddings of all persons are computed in the background. In a long video, that takes
        longer than this call, which compares with those that are known by then.

        Raises ValueError when there is no such person.
        """
        with self._lock:
            self._pieces_of(person)
            state = self.state
            of_person: dict[int, list[int]] = defaultdict(list)
            for row in state.pieces.values():
                if not row.deleted:
                    of_person[row.person] += best_rows(self._quality, row, _CROPS_TO_COMPARE)
        if self.info.source is None:
            return []
        own = of_person.pop(person)
        self._likeness.embed(own)
        self._likeness.embed_in_background(of_person.values(), _MAX_WAIT)
        return self._likeness.most_similar(own, of_person, limit)

    def frame(self, number: int) -> Frame | None:
        """A frame of the source, BGR uint8 (H, W, 3); None where there is none."""
        return self._pictures.frame(number)

    def crop(self, piece: int, frame: int) -> Frame | None:
        """The box of a piece in a frame, BGR uint8 (H, W, 3); None where there is no picture.

        Raises ValueError when the piece has no box in the frame.
        """
        with self._lock:
            row = self.state.pieces.get(piece)
            at = -1
            if row is not None:
                frames = self._run.rows.frame[row.start : row.stop]
                at = int(np.searchsorted(frames, frame))
            if row is None or at >= row.stop - row.start or frames[at] != frame:
                raise ValueError(f"piece {piece} has no box in frame {frame}")
            xyxy = self._run.rows.xyxy[row.start + at]
        # To decode a frame takes long: not while others wait for the lock.
        return self._pictures.crop(frame, xyxy)

    def apply(self, edit: Edit) -> None:
        """Make an edit, which is on the disk when this returns.

        Raises ValueError, in one line, for an edit that is not possible; OSError when it cannot be
        written. Nothing has changed then.
        """
        self._make(edit)

    def undo(self) -> None:
        """Undo the last edit; raises ValueError when there is none, and OSError as `apply`."""
        self._make("undo")

    def redo(self) -> None:
        """Make the edit again that was undone last; raises as `undo`."""
        self._make("redo")

    def corrected(self) -> MotRows:
        """The corrected boxes, with persons as ids, sorted by frame and id."""
        return corrected_rows(self._run, self.state)

    def export(self, kind: str, out: Path) -> Path:
        """Write the corrected result to the folder `out`; returns the file.

        kind: "mot", "people", "ground_truth", "cvat_mot", "cvat_xml" or "coco". Raises ValueError
        for another one, and where no box is left; OSError that names the file.
        """
        return export(self._run, self.state, kind, Path(out))

    def import_labels(self, file: Path, folder: Path) -> Path:
        """Write a run folder with the tracks of a file that was corrected in another program.

        Args:
            file: a file that CVAT exported, COCO with `track_id`, or MOT ground truth.
            folder: new or empty; it can be reviewed like this one, which does not change.

        Returns the folder. Raises ValueError, in one line, for another file or folder; OSError.
        """
        return import_labels(self._run, self.state, Path(file), Path(folder))

    def close(self) -> None:
        """Give the corrections to the registry and release the folder; a second call does nothing.

        What the registry did not take is in `registry_notes`; the edits are kept in any case.
        """
        if "_likeness" in self.__dict__:
            self._likeness.close()
        with self._lock:
            log, self._log = self._log, None
            self._pictures.close()
            try:
                if log is not None and self.revision:
                    self.registry_notes = correct_registry(self._run, self._initial, self.state)
            finally:
                if log is not None:
                    log.close()
                self._release()

    def __enter__(self) -> "Review":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _make(self, step: Step) -> None:
        with self._lock:
            if self._log is None:
                raise ValueError("the review is closed, or was opened for reading only")
            before = list(self._done), list(self._undone), self.revision
            self._advance(step)
            try:
                self._log.append(step)
            except BaseException:
                self._done, self._undone, self.revision = before
                self._derived.clear()
                raise

    def _advance(self, step: Step) -> None:
        """Change the state by a step; nothing changes where that is not possible."""
        if step == "undo":
            if not self.can_undo:
                raise ValueError("there is no edit to undo")
            self._undone.append(self._done.pop())
        elif step == "redo":
            if not self.can_redo:
                raise ValueError("there is no edit to redo")
            self._done.append(self._undone.pop())
        else:
            self._done.append(apply_edit(self.state, step, self._run.rows.frame))
            self._undone.clear()
        self.revision += 1
        self._derived.clear()

    def _derive(self, name: str, make: Callable[[], T]) -> T:
        """What follows from the state, made once for each state."""
        with self._lock:
            if name not in self._derived:
                self._derived[name] = make()
            return self._derived[name]  # type: ignore[return-value]

    def _pieces_of(self, person: int) -> list[int]:
        pieces = self.state.pieces_of(person)
        if not pieces:
            raise ValueError(f"person {person}: no such person")
        return pieces

    @cached_property
    def _by_frame(self) -> BoxesByFrame:
        return BoxesByFrame(self._run.rows)

    @cached_property
    def _overlaps(self) -> Overlaps:
        return find_overlaps(self._run.rows)

    @cached_property
    def _doubts(self) -> Doubts:
        return Doubts(self._run, self._overlaps)

    @cached_property
    def _likeness(self) -> Likeness:
        rows = self._run.rows

        def crop(row: int) -> Frame | None:
            return self._pictures.crop(int(rows.frame[row]), rows.xyxy[row])

        return Likeness(self._run, crop)

    @cached_property
    def _quality(self) -> NDArray[np.float64]:
        return crop_quality(self._run, self._overlaps)
