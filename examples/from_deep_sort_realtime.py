"""Migrating from deep-sort-realtime: lists of ([left, top, width, height], score, class)."""

import numpy as np

from deepsort_reid import DeepSort, DeepSortConfig, Detections

# Equivalent to DeepSort(max_age=30, n_init=3) there. That tracker uses every box; this one uses
# scores: see new_track_score, high_score_threshold and min_score. Unmatched tracks are in
# tracker.tracks.
CONFIG = DeepSortConfig(max_age=30, n_init=3)


def detections_from(raw, names):
    """Detections from the argument `raw` of its update_tracks; `names` lists all class names."""
    tlwh = [box for box, _, _ in raw]
    score = [score for _, score, _ in raw]
    return Detections.from_tlwh(tlwh, score, [names.index(name) for _, _, name in raw])


def main(frames, names=("person",)):
    """Track one raw list per frame; print what was track.track_id and track.to_ltrb()."""
    tracker = DeepSort(CONFIG)  # DeepSort(CONFIG, embedder=Embedder()) and update(..., frame=frame)
    for raw in frames:
        tracks = tracker.update(detections_from(raw, names))
        for track_id, ltrb in zip(tracks.id, tracks.xyxy, strict=True):
            print(track_id, np.round(ltrb, 1).tolist())
    return tracker


if __name__ == "__main__":
    main([[([100 + 5 * k, 50, 40, 100], 0.9, "person")] for k in range(6)])
