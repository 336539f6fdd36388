"""Migrating from deep-sort-realtime: change the import, and keep the program."""

import numpy as np

# from deep_sort_realtime.deepsort_tracker import DeepSort
from deepsort_reid.interop.deep_sort_realtime import DeepSort


def main(frames):
    """Track one raw list per frame; print confirmed tracks."""
    tracker = DeepSort(max_age=30, embedder=None)  # without None: frame=frame in each update
    for raw in frames:
        for track in tracker.update_tracks(raw):
            if track.is_confirmed() and not track.time_since_update:
                print(track.track_id, track.det_class, np.round(track.to_ltrb(orig=True)).tolist())
    return tracker


if __name__ == "__main__":
    main([[([100 + 5 * k, 50, 40, 100], 0.9, "person")] for k in range(6)])
