"""Coming from Ultralytics: the results of a model's prediction in, identities out.

model = YOLO("..."); main(model(frame)[0] for frame in frames)
"""

from types import SimpleNamespace

import numpy as np

from deepsort_reid import DeepSort, Detections


def detections_from(result, classes=(0,)):
    """The boxes of one Results object, of the classes that are asked for (0 is person in COCO)."""
    found = result.boxes.cpu().numpy()  # one copy from the GPU for all columns
    wanted = np.isin(found.cls, classes)
    return Detections(found.xyxy[wanted], found.conf[wanted], found.cls[wanted])


def main(results):
    """(ids, boxes) of every frame, for one Results each; who coasts unseen: tracker.tracks."""
    # Its track_low/high_thresh, new_track_thresh, track_buffer: min/sure/new_track_score, max_age.
    tracker = DeepSort()  # with embedder=Embedder(): update(..., frame=result.orig_img)
    found = [tracker.update(detections_from(result)) for result in results]
    return [(tracks.id.tolist(), tracks.xyxy.tolist()) for tracks in found]


def stand_in(left):
    """What a Results has and this example uses, so that it runs without Ultralytics."""
    boxes = SimpleNamespace(
        xyxy=np.array([[left, 50.0, left + 40, 150], [300, 20, 380, 60]], dtype=np.float32),
        conf=np.array([0.9, 0.8], dtype=np.float32),
        cls=np.array([0.0, 2.0], dtype=np.float32),
    )
    boxes.cpu = lambda: SimpleNamespace(numpy=lambda: boxes)
    return SimpleNamespace(boxes=boxes)


if __name__ == "__main__":
    print(main(stand_in(100 + 5 * k) for k in range(6)))
