"""Migrating from Ultralytics: track the results of a model.

model = YOLO("..."); main(model(frame)[0] for frame in frames)
"""

from types import SimpleNamespace

import numpy as np

from deepsort_reid import DeepSort, Detections


def main(results, classes=(0,)):
    """Track the classes (0 is person in COCO) of one Results object per frame.

    Returns (ids, class names, boxes) of each frame.
    """
    # track_low_thresh is min_score here, track_high_thresh is high_score_threshold,
    # new_track_thresh is new_track_score, track_buffer is max_age.
    # Unmatched tracks are in tracker.tracks.
    tracker = DeepSort()  # with embedder=Embedder(): update(..., frame=result.orig_img)
    found = [tracker.update(Detections.from_ultralytics(each, classes)) for each in results]
    return [
        (tracks.id.tolist(), tracks.data["class_name"].tolist(), tracks.xyxy.tolist())
        for tracks in found
    ]


def fake_result(left):
    """The attributes of Results that are used; the example runs without Ultralytics."""
    boxes = SimpleNamespace(
        xyxy=np.array([[left, 50.0, left + 40, 150], [300, 20, 380, 60]], dtype=np.float32),
        conf=np.array([0.9, 0.8], dtype=np.float32),
        cls=np.array([0.0, 2.0], dtype=np.float32),
    )
    return SimpleNamespace(boxes=boxes, names={0: "person", 2: "car"})


if __name__ == "__main__":
    print(main(fake_result(100 + 5 * k) for k in range(6)))
