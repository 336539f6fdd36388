"""One of several cameras that are tracked together."""

from dataclasses import dataclass, field

from deepsort_reid.io.video import Video
from deepsort_reid.pipeline import CameraMotionEstimator
from deepsort_reid.structures.detections import Detector
from deepsort_reid.tracking import DeepSort
from deepsort_reid.vision.camera_motion import SparseFlow


@dataclass(frozen=True, eq=False)
class Camera:
    """A camera, or a video of one.

    Attributes:
        name: of the camera, as in its tracker.
        video: where its frames come from.
        detector: detector of its frames. A network without memory may be that of all cameras; a
            detector that learns from the video, or reads a file, is one of this camera alone.
        tracker: tracker of this camera, with the registry of all cameras.
        camera_motion: estimator of this camera alone; None for no compensation of its motion.
        start_time: time of the first frame of the video, in seconds, on the clock of all cameras.
    """

    name: str
    video: Video
    detector: Detector
    tracker: DeepSort
    camera_motion: CameraMotionEstimator | None = field(default_factory=SparseFlow)
    start_time: float = 0.0
