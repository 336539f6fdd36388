"""Embedder of an OpenVINO file, such as person-reidentification-retail-0286.xml."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

BATCH = 32


class OpenvinoEmbedder:
    """Embeds BGR crops with a network that takes (1, 3, H, W) with values from 0 to 255.

    Raises ModuleNotFoundError when openvino is not installed.
    """

    def __init__(self, path: Path) -> None:
        try:
            import openvino
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(
                f"openvino, which runs {path.name}, is not installed: pip install openvino",
                name="openvino",
            ) from error
        core = openvino.Core()
        model = core.read_model(path)
        self._size = tuple(int(each) for each in model.inputs[0].shape)[2:]
        model.reshape([BATCH, 3, *self._size])
        self._network = core.compile_model(model, "CPU")
        self.name = path.name

    def embed_crops(self, crops: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """Unit embeddings (N, D) of crops (H, W, 3)."""
        rows = []
        for start in range(0, len(crops), BATCH):
            batch = np.zeros((BATCH, 3, *self._size), dtype=np.float32)
            part = crops[start : start + BATCH]
            for row, crop in enumerate(part):
                batch[row] = cv2.resize(crop, self._size[::-1]).transpose(2, 0, 1)
            rows.append(self._network(batch)[0].reshape(BATCH, -1)[: len(part)].copy())
        embedding = np.concatenate(rows)
        return np.asarray(embedding / np.linalg.norm(embedding, axis=1, keepdims=True))
