"""Embedder that runs a training checkpoint in PyTorch, without export to ONNX."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from deepsort_reid.reid.models.reid_model import embed_images
from deepsort_reid.reid.training.checkpoint import load_model
from deepsort_reid.structures.frame import Frame
from deepsort_reid.vision.crops import resize_crop


class CheckpointEmbedder:
    """Embeds crops like `Embedder`, with the averaged weights of a checkpoint of `train`.

    path: checkpoint file or run folder. Raises FileNotFoundError for a missing file and ValueError
    for a file that is not a checkpoint.
    """

    def __init__(self, path: Path | str) -> None:
        path = Path(path)
        self._model, state = load_model(path)
        height, width = state["architecture"]["input_size"]
        self.input_size: tuple[int, int] = (int(height), int(width))
        self.name = f"{path.resolve().parent.name}/{path.name}"

    def embed_crops(self, crops: Sequence[Frame]) -> NDArray[np.float32]:
        """Embed BGR uint8 crops (h, w, 3) of any sizes -> unit rows (M, D) float32."""
        images = np.stack([resize_crop(crop, self.input_size)[..., ::-1] for crop in crops])
        return np.asarray(embed_images(self._model, torch.from_numpy(images)).numpy(), np.float32)
