"""Height of a person in the image as a function of the image row of the feet."""

import numpy as np
from numpy.typing import NDArray

MAX_SAMPLES = 400
MIN_SAMPLES, UPDATE_INTERVAL = 40, 20
MIN_HEIGHT = 8.0  # pixels


class PersonHeightModel:
    """A straight line of height over the row of the feet, as for a camera over a flat ground.

    Learned from boxes of single people; all values are in pixels.
    """

    def __init__(self) -> None:
        self._samples: list[tuple[float, float]] = []  # row of the feet, height
        self._count = 0  # of samples, dropped ones included
        self._line: NDArray[np.float64] | None = None  # offset, slope

    @property
    def is_fitted(self) -> bool:
        """Whether there were enough samples for `predict`."""
        return self._line is not None

    def add(self, feet: float, height: float) -> None:
        """Add the height of a person whose feet are at row `feet`; refits at intervals."""
        self._count += 1
        self._samples.append((feet, height))
        del self._samples[:-MAX_SAMPLES]
        if self._count >= MIN_SAMPLES and self._count % UPDATE_INTERVAL == 0:
            self._line = _fit_robust_line(np.array(self._samples))

    def predict(self, feet: NDArray[np.float64]) -> NDArray[np.float64]:
        """Heights (N,) of people whose feet are at rows (N,); requires `is_fitted`."""
        assert self._line is not None
        height = self._line[0] + self._line[1] * feet
        return np.asarray(np.maximum(height, MIN_HEIGHT), dtype=np.float64)


def _fit_robust_line(samples: NDArray[np.float64]) -> NDArray[np.float64]:
    """Offset and slope of height over feet for samples (S, 2), robust against outliers.

    Iteratively reweighted least squares. Initial weights grow with height, because noise makes
    many small blobs and people few large ones. A weak prior on slope 0 keeps the line stable
    while all people are at one row.
    """
    feet, height = samples.T
    weight = height.copy()
    line = np.array([np.median(height), 0.0])
    for _ in range(6):
        centred = feet - feet.mean()
        design = np.stack([np.ones_like(feet), centred], axis=1)
        normal = design.T @ (design * weight[:, None])
        normal[1, 1] += 0.02 * weight.sum() * (feet.var() + 100)
        offset, slope = np.linalg.solve(normal, design.T @ (weight * height))
        line = np.array([offset - slope * feet.mean(), slope])
        residual = np.abs(height - line[0] - line[1] * feet)
        scale = max(float(np.median(residual)), 0.02 * float(np.median(height)))
        weight = height / (1 + (residual / (2 * scale)) ** 2)
    return line
