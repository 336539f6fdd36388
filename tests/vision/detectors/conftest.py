"""What tests of ONNX detectors share."""

import pytest

from deepsort_reid.vision.onnx_session import OnnxSession


@pytest.fixture
def network_images(monkeypatch):
    """The images (1, 3, H, W) that networks get from now on."""
    seen = []
    run = OnnxSession.run

    def record(self, images, *args, **options):
        seen.append(images)
        return run(self, images, *args, **options)

    monkeypatch.setattr(OnnxSession, "run", record)
    return seen
