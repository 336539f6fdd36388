"""One tracker over a crowd, in a process of its own: times, peak memory and ids as JSON.

    PYTHONPATH=TREE python benchmarks/lib/crowd_limit_run.py CROWD.npz

Run as a file, so that the package is the one in TREE, of any revision with `DeepSort` and
`Detections`.
"""

import json
import sys
import time

import numpy as np
from process_memory import peak_megabytes  # next to this file

from deepsort_reid import DeepSort, Detections


def main() -> None:
    """Track the frames of the file and print the measurements."""
    with np.load(sys.argv[1]) as arrays:
        xyxy, embedding = arrays["xyxy"], arrays["embedding"]
    tracker = DeepSort()
    milliseconds, ids = [], []
    for number, boxes in enumerate(xyxy):
        rows = embedding[number] if len(embedding) else None
        detections = Detections(boxes, embedding=rows)
        begin = time.process_time()
        tracks = tracker.update(detections)
        milliseconds.append(1000 * (time.process_time() - begin))
        ids.append(tracks.id[np.argsort(tracks.detection)].tolist())
    print(json.dumps({"ms": milliseconds, "megabytes": peak_megabytes(), "ids": ids}))


if __name__ == "__main__":
    main()
