"""The trials of a tuning on disk: an interrupted one continues after its last trial."""

import json
from pathlib import Path
from typing import Any, NamedTuple

from deepsort_reid.io.appended_file import AppendedFile
from deepsort_reid.tuning.search_space import Settings


class Trial(NamedTuple):
    """Settings that were measured.

    Attributes:
        left_out: the sequence on which they were not measured; "" for none.
        settings: by name.
        values: of the metric on each of the other sequences, fractions.
    """

    left_out: str
    settings: Settings
    values: dict[str, float]


class TrialLog:
    """File with one JSON object per line: the inputs first, then the trials.

    A last line that is not complete, after the process was killed, is removed.

    Args:
        path: the file; made when it does not exist.
        inputs: what the values of trials depend on.

    Raises ValueError when the file has trials of other inputs, or is none of this kind; OSError
    when it cannot be read or written.
    """

    def __init__(self, path: Path, inputs: dict[str, Any]) -> None:
        head = {"deepsort_reid": "tuning", **inputs}
        self.trials: list[Trial] = []
        if not path.is_file() or not path.stat().st_size:
            path.unlink(missing_ok=True)
            self._file = AppendedFile(path)
            self._append(head)
            return
        content = path.read_bytes()
        complete = content[: content.rfind(b"\n") + 1]
        try:
            found, *rows = [json.loads(line) for line in complete.splitlines()]
            self.trials = [
                Trial(str(row["left_out"]), dict(row["settings"]), dict(row["values"]))
                for row in rows
            ]
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{path}: expected the trials of a tuning, got other text") from error
        # JSON has no tuples and the like: compared as it is read.
        if found != json.loads(json.dumps(head)):
            raise ValueError(
                f"{path}: expected trials on the same sequences, detections and options, got "
                "others; use another --out"
            )
        self._file = AppendedFile(path, len(complete))

    def of(self, left_out: str) -> list[Trial]:
        """The trials without this sequence, in order."""
        return [trial for trial in self.trials if trial.left_out == left_out]

    def add(self, trial: Trial) -> None:
        """Add a trial and write it."""
        self._append(trial._asdict())
        self.trials.append(trial)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _append(self, row: dict[str, Any]) -> None:
        self._file.append(json.dumps(row) + "\n")
