"""benchmarks/embedding_interval.py: the stored embedder, and the missing data folder."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks import embedding_interval
from deepsort_reid import Detections
from tests.tracking.scenarios import boxes_at, orthogonal_embeddings


def test_missing_data_folder_is_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert embedding_interval.main(["--data", str(tmp_path)]) == 2
    assert str(tmp_path / "inputs") in capsys.readouterr().err


def test_stored_embedder_returns_the_rows_of_the_boxes_and_counts_them() -> None:
    embedding = orthogonal_embeddings(3).astype(np.float32)
    detections = Detections(boxes_at(10, 70, 130), embedding=embedding)
    embedder = embedding_interval.StoredEmbedder()
    embedder.set_frame(detections)
    found = embedder(None, detections.xyxy[[2, 0]])
    np.testing.assert_array_equal(found, embedding[[2, 0]])
    assert embedder.count == 2
