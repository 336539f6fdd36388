"""Camera motion read from a file."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from deepsort_reid.vision.camera_motion.motion import CameraMotion


class CameraMotionFromFile:
    """Camera motion estimated earlier, one line per frame.

    A line is a number and the six values of the warp (2, 3) in row-major order, separated by
    blanks or commas. Line n holds the motion from frame n - 1 to frame n; line 1 is the identity.
    Successive calls return the motion to frames start, start + every, ...; `at` returns that of
    any frame.

    Raises OSError, or ValueError with file and line for a line of another form.
    """

    def __init__(self, path: Path | str, *, start: int = 1, every: int = 1) -> None:
        self._warps = _read_warps(Path(path))
        self._next = start
        self._every = every
        self._last: int | None = None

    def __call__(self, frame: Any = None, xyxy: ArrayLike | None = None) -> CameraMotion:
        """Motion from the frame of the last call to the next one; the arguments are ignored."""
        number, last = self._next, self._last
        self._next += self._every
        self._last = number
        if last is None:
            return CameraMotion.identity()
        warp, quality = np.eye(3), 1.0
        for k in range(last + 1, number + 1):
            motion = self.at(k)
            warp = np.vstack([motion.warp, [0, 0, 1]]) @ warp
            quality = min(quality, motion.quality)
        return CameraMotion(warp[:2], quality)

    def state_dict(self) -> dict[str, int | None]:
        """The numbers of the next and the last frame, for `load_state_dict`."""
        return {"next": self._next, "last": self._last}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue after the frame at which `state_dict` was called."""
        self._next, self._last = state["next"], state["last"]

    def at(self, number: int) -> CameraMotion:
        """Motion from frame number - 1 to `number`; the identity of quality 0 outside the file."""
        if not 1 <= number <= len(self._warps):
            return CameraMotion.identity()
        return CameraMotion(self._warps[number - 1].copy(), 1.0)


def _read_warps(path: Path) -> NDArray[np.float64]:
    """Read the warps (N, 2, 3) of a file, one per line."""
    warps: list[list[float]] = []
    for line, text in enumerate(path.read_text(encoding="utf-8-sig").splitlines(), start=1):
        if not text.strip():
            continue
        try:
            values = [float(word) for word in text.replace(",", " ").split()]
        except ValueError:
            values = []
        if len(values) != 7 or not np.isfinite(values).all():
            raise ValueError(
                f"{path}:{line}: expected a number and the 6 values of a warp, got {text.strip()!r}"
            )
        warps.append(values[1:])
    if not warps:
        raise ValueError(f"{path}: expected one warp per line, got an empty file")
    return np.array(warps).reshape(-1, 2, 3)
