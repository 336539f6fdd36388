"""Writer of the explanations of a run."""

from dataclasses import replace
from pathlib import Path

from deepsort_reid.io.appended_file import AppendedFile
from deepsort_reid.structures.tracks import Tracks
from deepsort_reid.tracking.extras.explain import DecisionLog


class ExplanationWriter:
    """Writes the explanations of a tracker's decisions to a text file, frame by frame.

    Decisions that are written are dropped from the log.

    Args:
        path: a new file.
        decision_log: of the tracker.
        length: continue an existing file after so many bytes.
        lagged: whether the frames are those of a `FixedLag`, corrected by later ones.
    """

    def __init__(
        self,
        path: Path,
        decision_log: DecisionLog,
        length: int | None = None,
        *,
        lagged: bool = False,
    ) -> None:
        self.path = path
        self._file = AppendedFile(path, length)
        self._decision_log = decision_log
        self._lagged = lagged

    @property
    def length(self) -> int:
        """Length of the file in bytes."""
        return self._file.length

    def append(self, frame: int, time: float, tracks: Tracks) -> None:
        """Write why the tracks of frame `frame`, at `time` seconds, are as they are."""
        log = self._decision_log
        update = log.first if self._lagged else len(log)
        if self._lagged:
            texts = [log.explain_reported(update, id, frame) for id in tracks.id.tolist()]
        else:
            texts = self._decisions(update, frame)
        self._file.append("".join(f"{time:.3f} s, {text}\n\n" for text in texts))
        log.drop(update)

    def _decisions(self, update: int, frame: int) -> list[str]:
        """The decision on each track in an update of the tracker."""
        decision = self._decision_log.frame(update)
        ids = decision.id[decision.id > 0].tolist()
        new = [assigned for assigned in decision.id_assignments if assigned.id not in ids]
        # A track that began in this frame was not among the candidates of any detection.
        began = [assigned for assigned in new if assigned.detection not in decision.matched]
        explained = ids + [assigned.id for assigned in new if assigned not in began]
        explanations = [self._decision_log.explain(update, id) for id in explained]
        texts = [str(replace(explanation, frame=frame)) for explanation in explanations]
        return texts + [f"frame {frame}, track {assigned.id}: {assigned}" for assigned in began]

    def sync(self) -> None:
        """Force the text so far to the disk."""
        self._file.sync()

    def close(self) -> None:
        self._file.close()
