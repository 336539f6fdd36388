"""Writer of the explanations of a run."""

from dataclasses import replace
from pathlib import Path

from deepsort_reid.io.appended_file import AppendedFile
from deepsort_reid.tracking.extras.explain import DecisionLog


class ExplanationWriter:
    """Writes the explanations of a tracker's decisions to a text file, frame by frame.

    Decisions that are written are dropped from the log.

    Args:
        path: a new file.
        decision_log: of the tracker.
        length: continue an existing file after so many bytes.
    """

    def __init__(self, path: Path, decision_log: DecisionLog, length: int | None = None) -> None:
        self.path = path
        self._file = AppendedFile(path, length)
        self._decision_log = decision_log

    @property
    def length(self) -> int:
        """Length of the file in bytes."""
        return self._file.length

    def append(self, frame: int, time: float) -> None:
        """Write the decisions of the last update, for frame `frame` at `time` seconds."""
        update = len(self._decision_log)
        decision = self._decision_log.frame(update)
        ids = decision.id[decision.id > 0].tolist()
        new = [assigned for assigned in decision.id_assignments if assigned.id not in ids]
        # A track that began in this frame was not among the candidates of any detection.
        began = [assigned for assigned in new if assigned.detection not in decision.matched]
        text = []
        for id in ids + [assigned.id for assigned in new if assigned not in began]:
            explanation = self._decision_log.explain(update, id)
            text.append(f"{time:.3f} s, {replace(explanation, frame=frame)}\n\n")
        text += [f"{time:.3f} s, frame {frame}, track {each.id}: {each}\n\n" for each in began]
        self._file.append("".join(text))
        self._decision_log.drop(update)

    def close(self) -> None:
        self._file.close()
