"""Coming from deep-sort-realtime: its list of ([left, top, width, height], score, class)."""

import numpy as np

from deepsort_reid import DeepSort, DeepSortConfig, Detections

# The same values as DeepSort(max_age=30, n_init=3) there. That tracker uses every box; this one
# decides by score: see new_track_score, high_score_threshold and min_score. Unmatched tracks are
# in tracker.tracks.
CONFIG = DeepSortConfig(max_age=30, n_init=3)


def detections_from(raw, names):
    """`raw` as for its update_tracks; `names` lists the classes, so that each has a number."""
    tlwh = [box for box, _, _ in raw]
    score = [score for _, score, _ in raw]
    return Detections.from_tlwh(tlwh, score, [names.index(name) for _, _, name in raw])


def main(frames, names=("person",)):
    """`frames` gives one raw list each; prints what track.to_ltrb() and track_id were there."""
    tracker = DeepSort(CONFIG)  # DeepSort(CONFIG, embedder=Embedder()) and update(..., frame=frame)
    for raw in frames:
        tracks = tracker.update(detections_from(raw, names))
        for track_id, ltrb in zip(tracks.id, tracks.xyxy, strict=True):
            print(track_id, np.round(ltrb, 1).tolist())
    return tracker


if __name__ == "__main__":
    main([[([100 + 5 * k, 50, 40, 100], 0.9, "person")] for k in range(6)])
