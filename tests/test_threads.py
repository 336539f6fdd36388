"""Threads: trackers of their own, and one embedder for all."""

from concurrent.futures import ThreadPoolExecutor
from itertools import islice

import numpy as np

from benchmarks.lib.crowd import simulate
from deepsort_reid import DeepSort
from deepsort_reid.vision.embedder import Embedder

THREADS = 4


def track(seed):
    """Ids and boxes of a crowd that depends on the seed."""
    tracker = DeepSort()
    found = [tracker.update(each.detections) for each in islice(simulate(8, seed), 60)]
    return [(tracks.id.tolist(), tracks.xyxy.tolist()) for tracks in found]


def test_trackers_in_threads_give_what_each_gives_alone():
    alone = [track(seed) for seed in range(THREADS)]
    with ThreadPoolExecutor(THREADS) as pool:
        assert list(pool.map(track, range(THREADS))) == alone


def test_one_embedder_serves_many_threads():
    embedder = Embedder(threads=1)
    rng = np.random.default_rng(0)
    frames = [rng.integers(0, 256, (96, 64, 3), dtype=np.uint8) for _ in range(4 * THREADS)]
    boxes = [[0, 0, 32, 64], [10, 20, 60, 90]]
    alone = [embedder(frame, boxes) for frame in frames]
    with ThreadPoolExecutor(THREADS) as pool:
        together = list(pool.map(lambda frame: embedder(frame, boxes), frames))
    np.testing.assert_array_equal(together, alone)
