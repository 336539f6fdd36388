"""Migrating from supervision: set tracker_id of sv.Detections, as sv.ByteTrack did."""

from types import SimpleNamespace

import numpy as np

from deepsort_reid import DeepSort, Detections


def detections_from(found):
    """Detections from sv.Detections, whose confidence and class_id may be None."""
    return Detections(found.xyxy, found.confidence, found.class_id)


def update(tracker, found):
    """Like sv.ByteTrack.update_with_detections, but keeps all rows; those without an id get -1."""
    tracks = tracker.update(detections_from(found))
    found.tracker_id = tracks.id_of_detection(len(found.xyxy))
    return found


def main(frames):
    """Track one sv.Detections per frame; return the ids of each frame."""
    # Parameters of ByteTrack: track_activation_threshold is new_track_score here (see also
    # high_score_threshold and min_score), lost_track_buffer is max_age, minimum_consecutive_frames
    # is n_init.
    tracker = DeepSort()  # unmatched tracks are in tracker.tracks
    return [update(tracker, found).tracker_id.tolist() for found in frames]


def fake_detections(left):
    """The attributes of sv.Detections that this example uses; it runs without supervision."""
    box = np.array([[left, 50.0, left + 40, 150]], dtype=np.float32)
    return SimpleNamespace(xyxy=box, confidence=np.array([0.9]), class_id=None, tracker_id=None)


if __name__ == "__main__":
    print(main(fake_detections(100 + 5 * k) for k in range(6)))
