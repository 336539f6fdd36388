"""Migrating from supervision: `update_with_detections` of sv.ByteTrack, which was removed.

found = sv.Detections(...); tracker.update_with_detections(found)
"""

from types import SimpleNamespace

import numpy as np

from deepsort_reid import DeepSort


def main(frames):
    """Track one sv.Detections per frame; return the ids of each frame."""
    # Parameters of ByteTrack: track_activation_threshold is new_track_score here (see also
    # high_score_threshold and min_score), lost_track_buffer is max_age, minimum_consecutive_frames
    # is n_init.
    tracker = DeepSort()  # unmatched tracks are in tracker.tracks
    return [tracker.update_with_detections(found).tracker_id.tolist() for found in frames]


class Found(SimpleNamespace):
    """The part of sv.Detections that is used here; the example runs without supervision."""

    def __getitem__(self, rows):
        return Found(xyxy=self.xyxy[rows], confidence=self.confidence[rows], data={})


def fake_detections(left):
    """One person."""
    box = np.array([[left, 50.0, left + 40, 150]], dtype=np.float32)
    return Found(xyxy=box, confidence=np.array([0.9]), data={})


if __name__ == "__main__":
    print(main(fake_detections(100 + 5 * k) for k in range(6)))
