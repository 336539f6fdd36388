"""benchmarks/embedding_interval.py: the stored embedder, and the missing data folder."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks import embedding_interval
from benchmarks.lib.inputs import Input
from benchmarks.lib.scoring import ScoreRow
from deepsort_reid import Detections, MotRows
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


def test_copies_are_the_embeddings_with_noise_of_the_same_length() -> None:
    embedding = orthogonal_embeddings(3).astype(np.float32)
    frames = (Detections(boxes_at(10, 70, 130), embedding=embedding),) * 2
    sequence = Input("name", Path(), MotRows.empty(), "plain", frames)
    assert embedding_interval.with_noise("npz", 0) == "npz"
    noise = embedding_interval.with_noise("npz", 1)
    assert callable(noise)
    first, second = noise(sequence)
    for rows in (first, second):
        np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-6)
        length = np.linalg.norm(rows - embedding, axis=1)
        np.testing.assert_allclose(length, embedding_interval.NOISE, rtol=0.3)
    assert (first != second).any()
    np.testing.assert_array_equal(noise(sequence)[0], first)


def test_row_has_the_mean_difference_and_its_standard_error() -> None:
    def result(hota: float, embedded: int) -> embedding_interval.Result:
        return embedding_interval.Result(ScoreRow(hota, 0, 0, 0, 70, 3), embedded)

    first = [result(50, 100), result(52, 100)]
    row = embedding_interval.report(10, [result(50, 30), result(51, 50)], first)
    cells = "10 50.50 70.00 3.0 50.00 60.0 % -0.50 +- 0.50 +0.00 +- 0.00"
    assert " ".join(row.split()) == cells
