"""Writers of tracks: MOT text, CSV and JSON lines."""

import json
import os
from pathlib import Path
from types import TracebackType
from typing import Protocol, TextIO

from deepsort_reid.structures import boxes
from deepsort_reid.structures.tracks import Tracks


class MotWriter:
    """Writes a result file while the tracker runs; after each frame the file is complete on disk.

    Args:
        path: the file; an older one of this name is replaced.

    Raises:
        OSError: the file cannot be written.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._file = self.path.open("w", encoding="utf-8", newline="\n")

    def append(self, frame: int, tracks: Tracks) -> None:
        """Add the tracks of one frame (numbered from 1); those without an id are left out."""
        if frame < 1:
            raise ValueError(f"frame must be 1 or more, got {frame}")
        named = tracks[tracks.id > 0]
        tlwh = boxes.xyxy_to_tlwh(named.xyxy)
        self._file.write(
            "".join(
                f"{frame},{id},{x:.10g},{y:.10g},{w:.10g},{h:.10g},{score:.6g},-1,-1,-1\n"
                for id, (x, y, w, h), score in zip(
                    named.id.tolist(), tlwh.tolist(), named.score.tolist(), strict=True
                )
            )
        )
        self._file.flush()

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        self._file.close()

    def __enter__(self) -> "MotWriter":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class TrackWriter(Protocol):
    """Takes the tracks of one frame after the other; complete on disk after each."""

    def append(self, frame: int, tracks: Tracks) -> None: ...
    def close(self) -> None: ...


class CsvWriter:
    """One line per box: frame, id, left, top, right, bottom, score, class_id."""

    def __init__(self, path: Path) -> None:
        self._file: TextIO = path.open("w", encoding="utf-8", newline="\n")
        self._file.write("frame,id,left,top,right,bottom,score,class_id\n")

    def append(self, frame: int, tracks: Tracks) -> None:
        for row in range(len(tracks)):
            box = ",".join(f"{side:.2f}" for side in tracks.xyxy[row].tolist())
            self._file.write(
                f"{frame},{tracks.id[row]},{box},{tracks.score[row]:.4f},{tracks.class_id[row]}\n"
            )
        self._file.flush()

    def close(self) -> None:
        self._file.close()


class JsonLinesWriter:
    """One line per frame: {"frame": 1, "tracks": [{"id": 1, "xyxy": [...], ...}, ...]}."""

    def __init__(self, path: Path) -> None:
        self._file: TextIO = path.open("w", encoding="utf-8", newline="\n")

    def append(self, frame: int, tracks: Tracks) -> None:
        rows = [
            {
                "id": int(tracks.id[row]),
                "xyxy": [round(side, 2) for side in tracks.xyxy[row].tolist()],
                "score": round(float(tracks.score[row]), 4),
                "class_id": int(tracks.class_id[row]),
                "detection": int(tracks.detection[row]),
            }
            for row in range(len(tracks))
        ]
        self._file.write(json.dumps({"frame": frame, "tracks": rows}) + "\n")
        self._file.flush()

    def close(self) -> None:
        self._file.close()
