"""Writers of tracks: MOT text, CSV and JSON lines."""

import json
import os
from pathlib import Path
from types import TracebackType

from deepsort_reid.io.appended_file import AppendedFile
from deepsort_reid.io.text_cells import csv_cell
from deepsort_reid.structures import boxes
from deepsort_reid.structures.class_names import class_names_of
from deepsort_reid.structures.tracks import Tracks


class TrackWriter:
    """Writes the tracks of one frame after the other; the base class of the three formats.

    The file is complete on disk after each frame. A context manager: leaving it closes the file.

    Args:
        path: the file; an existing one is replaced.
        length: continue the existing file after so many bytes instead; the rest is removed.

    Raises:
        OSError: the file cannot be written.
        ValueError: the file to continue is shorter than `length`.
    """

    header = ""

    def __init__(self, path: str | os.PathLike[str], length: int | None = None) -> None:
        self.path = Path(path)
        if length is None:
            self.path.unlink(missing_ok=True)
        self._file = AppendedFile(self.path, length)
        if length is None:
            self._file.append(self.header)

    @property
    def length(self) -> int:
        """Length of the file in bytes, after the last frame."""
        return self._file.length

    def append(self, frame: int, tracks: Tracks, time: float | None = None) -> None:
        """Write the tracks of one frame.

        Args:
            frame: frame number, from 1.
            tracks: the tracks of the frame.
            time: seconds since the first frame; None where it is unknown. MOT text has no times.

        Raises ValueError for a frame number below 1.
        """
        if frame < 1:
            raise ValueError(f"frame must be 1 or more, got {frame}")
        self._file.append(self._format(frame, tracks, time))

    def sync(self) -> None:
        """Force the rows so far to the disk."""
        self._file.sync()

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        self._file.close()

    def __enter__(self) -> "TrackWriter":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _format(self, frame: int, tracks: Tracks, time: float | None) -> str:
        """Return the lines of one frame, each with its line end."""
        raise NotImplementedError


class MotWriter(TrackWriter):
    """MOTChallenge result file: frame, id, left, top, width, height, score, -1, -1, -1.

    Tracks without an id are left out.
    """

    def _format(self, frame: int, tracks: Tracks, time: float | None) -> str:
        tracks = tracks[tracks.id > 0]
        tlwh = boxes.xyxy_to_tlwh(tracks.xyxy)
        return "".join(
            f"{frame},{id},{x:.10g},{y:.10g},{w:.10g},{h:.10g},{score:.6g},-1,-1,-1\n"
            for id, (x, y, w, h), score in zip(
                tracks.id.tolist(), tlwh.tolist(), tracks.score.tolist(), strict=True
            )
        )


class CsvWriter(TrackWriter):
    """CSV with a header, one line per box.

    Columns: frame, time, id, person_id, corners, score, class_id, class_name. The time is in
    seconds since the first frame, corners are in pixels, and an unknown name is empty.
    """

    header = "frame,time,id,person_id,left,top,right,bottom,score,class_id,class_name\n"

    def _format(self, frame: int, tracks: Tracks, time: float | None) -> str:
        seconds = "" if time is None else f"{time:.3f}"
        lines, names = [], class_names_of(tracks)
        for row in range(len(tracks)):
            box = ",".join(f"{side:.2f}" for side in tracks.xyxy[row].tolist())
            lines.append(
                f"{frame},{seconds},{tracks.id[row]},{tracks.person_id[row]},{box},"
                f"{tracks.score[row]:.4f},{tracks.class_id[row]},{csv_cell(names[row])}\n"
            )
        return "".join(lines)


class JsonLinesWriter(TrackWriter):
    """One JSON object per frame: {"frame": 1, "time": 0.0, "tracks": [{"id": 1, ...}, ...]}.

    The time is in seconds since the first frame, boxes are in pixels. A track has "class_name"
    where that is known.
    """

    def _format(self, frame: int, tracks: Tracks, time: float | None) -> str:
        names = class_names_of(tracks)
        rows = [
            {
                "id": int(tracks.id[row]),
                "person_id": int(tracks.person_id[row]),
                "xyxy": [round(side, 2) for side in tracks.xyxy[row].tolist()],
                "score": round(float(tracks.score[row]), 4),
                "class_id": int(tracks.class_id[row]),
                "detection": int(tracks.detection[row]),
                **({"class_name": names[row]} if names[row] else {}),
            }
            for row in range(len(tracks))
        ]
        seconds = None if time is None else round(time, 3)
        return json.dumps({"frame": frame, "time": seconds, "tracks": rows}) + "\n"
