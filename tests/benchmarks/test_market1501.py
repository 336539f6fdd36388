"""benchmarks/market1501.py on few samples."""

import numpy as np
import pytest

from benchmarks import market1501
from deepsort_reid.reid.data.datasets import read_market1501
from deepsort_reid.vision.embedder import Embedder


@pytest.mark.data
def test_mirrored_embeddings_differ_from_the_plain_ones(data_root):
    folder = data_root / "reid" / "Market-1501-v15.09.15" / "query"
    samples = read_market1501(folder)[:3]
    embedder = Embedder()
    plain = market1501.embed(embedder, samples, mirror=False)
    mirrored = market1501.embed(embedder, samples, mirror=True)
    assert plain.shape == mirrored.shape == (3, embedder.embedding_dim)
    similarity = (plain * mirrored).sum(1)
    assert (similarity > 0.5).all()
    assert (similarity < 0.9999).all()
    assert np.allclose(np.linalg.norm(mirrored, axis=1), 1, atol=1e-5)
