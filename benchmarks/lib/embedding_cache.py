"""Embeddings of an input's detections by any embedder file, computed once and kept on disk."""

import hashlib
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.lib.inputs import Input


def default_cache() -> Path:
    """Where embeddings are kept unless a folder is named."""
    return Path(tempfile.gettempdir()) / "deepsort_reid-embeddings"


def stored(model: Path, cache: Path) -> Callable[[Input], list[NDArray[np.float32]]]:
    """A function that gives the embeddings (M, D) of every frame of an `Input`.

    The key of the cache is the content of the model and the boxes: a changed model of the same
    name is computed anew. Raises FileNotFoundError when there is no model.
    """
    content = hashlib.sha256(model.read_bytes()).digest()

    def embed(given: Input) -> list[NDArray[np.float32]]:
        boxes = np.concatenate([here.xyxy for here in given.detections])
        key = hashlib.sha256(content + boxes.tobytes()).hexdigest()[:24]
        path = cache / f"{given.name}-{key}.npy"
        if not path.is_file():
            rows = np.concatenate(_embed(model, given))
            path.parent.mkdir(parents=True, exist_ok=True)
            unfinished = path.with_name(f"{key}.part.npy")
            np.save(unfinished, rows)
            unfinished.replace(path)
        cuts = np.cumsum([len(here) for here in given.detections])[:-1]
        return np.split(np.load(path), cuts)

    return embed


def _embed(model: Path, given: Input) -> list[NDArray[np.float32]]:
    from deepsort_reid.vision.embedder import Embedder

    embedder = Embedder(model)
    return [
        embedder(frame, here.xyxy)
        for frame, here in zip(given.frames(), given.detections, strict=True)
    ]
