"""Embeddings of the detections of an input, computed once by an embedder and cached on disk."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.lib.inputs import Input
from deepsort_reid.io.atomic import open_atomically


def cached_embeddings(model: Path, cache: Path) -> Callable[[Input], list[NDArray[np.float32]]]:
    """Return a function that gives the embeddings (M, D) of every frame of an `Input`.

    The cache key is the content of the model file and of the boxes, so a changed model of the same
    name is computed anew.

    Raises:
        FileNotFoundError: there is no model file.
    """
    content = hashlib.sha256(model.read_bytes()).digest()

    def embed(sequence: Input) -> list[NDArray[np.float32]]:
        boxes = np.concatenate([detections.xyxy for detections in sequence.detections])
        key = hashlib.sha256(content + boxes.tobytes()).hexdigest()[:24]
        path = cache / f"{sequence.name}-{key}.npy"
        if not path.is_file():
            rows = np.concatenate(_embed(model, sequence))
            path.parent.mkdir(parents=True, exist_ok=True)
            with open_atomically(path) as file:
                np.save(file, rows)
        ends = np.cumsum([len(detections) for detections in sequence.detections])[:-1]
        return np.split(np.load(path), ends)

    return embed


def _embed(model: Path, sequence: Input) -> list[NDArray[np.float32]]:
    from deepsort_reid.vision.embedder import Embedder

    embedder = Embedder(model)
    return [
        embedder(frame, detections.xyxy)
        for frame, detections in zip(sequence.frames(), sequence.detections, strict=True)
    ]
