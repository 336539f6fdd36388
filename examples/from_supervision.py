"""Coming from supervision: sv.Detections in, the same rows with tracker_id out."""

from types import SimpleNamespace

import numpy as np

from deepsort_reid import DeepSort, Detections


def detections_from(found):
    """Rows of an sv.Detections (confidence and class_id may be None there, too)."""
    return Detections(found.xyxy, found.confidence, found.class_id)


def update(tracker, found):
    """As sv.ByteTrack.update_with_detections, but every row stays; -1 says that it has no id."""
    tracks = tracker.update(detections_from(found))
    found.tracker_id = tracks.id_of_detection(len(found.xyxy))
    return found


def main(frames):
    """`frames` gives one sv.Detections each; returns the ids of every frame."""
    # ByteTrack's track_activation_threshold is new_track_score here (see also high_score_threshold
    # and min_score), lost_track_buffer is max_age, minimum_consecutive_frames is n_init.
    tracker = DeepSort()  # unmatched tracks are in tracker.tracks
    return [update(tracker, found).tracker_id.tolist() for found in frames]


def stand_in(left):
    """What sv.Detections has and this example uses, so that it runs without supervision."""
    box = np.array([[left, 50.0, left + 40, 150]], dtype=np.float32)
    return SimpleNamespace(xyxy=box, confidence=np.array([0.9]), class_id=None, tracker_id=None)


if __name__ == "__main__":
    print(main(stand_in(100 + 5 * k) for k in range(6)))
