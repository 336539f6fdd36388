"""`seqinfo.ini` of a MOTChallenge sequence: image folder, frame rate, length and frame size."""

import configparser
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class SeqInfo:
    """Entries of a seqinfo.ini; each is checked when it is read.

    A number that is missing is None; one that is not positive raises ValueError with the file.
    """

    path: Path
    entries: Mapping[str, str]  # by lower-case key

    @property
    def image_folder(self) -> str:
        """Name of the folder of images, relative to the sequence folder."""
        return self.entries.get("imdir", "img1")

    @property
    def frame_rate(self) -> float | None:
        """Frames per second."""
        return self._number("frameRate")

    @property
    def length(self) -> int | None:
        """Number of frames."""
        return self._whole("seqLength")

    @property
    def width(self) -> int | None:
        """Width of a frame in pixels."""
        return self._whole("imWidth")

    @property
    def height(self) -> int | None:
        """Height of a frame in pixels."""
        return self._whole("imHeight")

    def _whole(self, key: str) -> int | None:
        value = self._number(key)
        return None if value is None else int(value)

    def _number(self, key: str) -> float | None:
        text = self.entries.get(key.lower())
        if text is None:
            return None
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not (value > 0 and math.isfinite(value)):
            raise ValueError(f"{self.path}: {key}: expected a positive number, got {text!r}")
        return value


def read_seqinfo(folder: Path) -> SeqInfo:
    """Read the seqinfo.ini of a sequence folder; without the file all entries are missing.

    Raises ValueError when the file has no [Sequence] section or cannot be parsed.
    """
    path = folder / "seqinfo.ini"
    if not path.is_file():
        return SeqInfo(path, {})
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(path.read_text(encoding="utf-8-sig"), source=str(path))
        return SeqInfo(path, dict(parser["Sequence"]))
    except (configparser.Error, UnicodeDecodeError, KeyError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(
            f"{path}: expected a [Sequence] section of key=value lines: {reason}"
        ) from error
