"""A rendered street with pedestrians and exact ground truth, for the demo, tests and benchmarks."""

from deepsort_reid.scene.street import Street
from deepsort_reid.scene.two_cameras import TwoCameras

__all__ = ["Street", "TwoCameras"]
