"""Cache of computed embeddings."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.lib import (
    embedding_cache,
    inputs,
)


@pytest.mark.data
def test_embeddings_are_computed_once_per_model_content(
    data_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given, calls = inputs.load("TUD-Campus-public", data_root), []

    def compute(model: Path, given: inputs.Input) -> list[np.ndarray]:
        calls.append(model.read_bytes())
        return [np.full((len(here), 2), 0.5, dtype=np.float32) for here in given.detections]

    monkeypatch.setattr(embedding_cache, "_embed", compute)
    model = tmp_path / "model.onnx"
    for content in (b"one", b"one", b"two"):
        model.write_bytes(content)
        found = embedding_cache.cached_embeddings(model, tmp_path / "cache")(given)
        assert [len(rows) for rows in found] == [len(here) for here in given.detections]
    assert calls == [b"one", b"two"]
