"""Migrating from Ultralytics: track the results of a model.

model = YOLO("..."); main(model(frame)[0] for frame in frames)
"""

from types import SimpleNamespace

import numpy as np

from deepsort_reid import DeepSort, Detections


def detections_from(result, classes=(0,)):
    """Detections of the given classes from one Results object (0 is person in COCO)."""
    found = result.boxes.cpu().numpy()  # one copy from the GPU for all columns
    wanted = np.isin(found.cls, classes)
    return Detections(found.xyxy[wanted], found.conf[wanted], found.cls[wanted])


def main(results):
    """Track one Results object per frame; return (ids, boxes) of each frame."""
    # track_low_thresh is min_score here, track_high_thresh is high_score_threshold,
    # new_track_thresh is new_track_score, track_buffer is max_age.
    # Unmatched tracks are in tracker.tracks.
    tracker = DeepSort()  # with embedder=Embedder(): update(..., frame=result.orig_img)
    found = [tracker.update(detections_from(result)) for result in results]
    return [(tracks.id.tolist(), tracks.xyxy.tolist()) for tracks in found]


def fake_result(left):
    """The attributes of Results that this example uses; it runs without Ultralytics."""
    boxes = SimpleNamespace(
        xyxy=np.array([[left, 50.0, left + 40, 150], [300, 20, 380, 60]], dtype=np.float32),
        conf=np.array([0.9, 0.8], dtype=np.float32),
        cls=np.array([0.0, 2.0], dtype=np.float32),
    )
    boxes.cpu = lambda: SimpleNamespace(numpy=lambda: boxes)
    return SimpleNamespace(boxes=boxes)


if __name__ == "__main__":
    print(main(fake_result(100 + 5 * k) for k in range(6)))
