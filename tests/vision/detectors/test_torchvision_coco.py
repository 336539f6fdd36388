"""Torchvision detectors: weights from a file, no network, class numbers."""

import numpy as np
import pytest

from deepsort_reid.vision.detectors import TorchvisionDetector, torchvision_coco
from tests.vision.detectors.yolox_files import GREY


@pytest.fixture
def small_model(monkeypatch):
    """Name of torchvision's smallest COCO detector; downloads fail."""
    import torchvision.models._api as api

    def no_network(*arguments, **options):
        raise OSError("Name or service not known")

    monkeypatch.setattr(api, "load_state_dict_from_url", no_network)
    return "ssdlite320_mobilenet_v3_large"


def test_failed_download_names_the_file_to_pass_in_one_line(small_model):
    with pytest.raises(OSError, match="could not be downloaded") as error:
        TorchvisionDetector(small_model)
    message = str(error.value)
    assert "https://download.pytorch.org/models/ssdlite320" in message
    assert "as weights (--detector-weights)" in message
    assert "\n" not in message


def test_weights_are_read_from_a_file(small_model, tmp_path):
    import torch
    from torchvision.models import get_model

    torch.manual_seed(0)
    network = get_model(small_model, weights=None, weights_backbone=None, num_classes=91)
    path = tmp_path / "weights.pth"
    torch.save(network.state_dict(), path)
    detector = TorchvisionDetector(small_model, weights=path, min_score=0.0, classes=None)
    found = detector(GREY)
    assert found.class_id.min() >= 0
    assert found.class_id.max() <= 79
    assert (found.xyxy[:, 2:] <= [96, 48]).all()
    people = TorchvisionDetector(small_model, weights=path, min_score=0.0)(GREY)
    np.testing.assert_array_equal(people.class_id, 0)
    with pytest.raises(FileNotFoundError, match="no such file of weights"):
        TorchvisionDetector(small_model, weights=tmp_path / "absent.pth")
    path.write_bytes(b"not weights")
    with pytest.raises(ValueError, match="expected weights of ssdlite320"):
        TorchvisionDetector(small_model, weights=path)


@pytest.mark.parametrize("device", ["openvino", "cuda:999"])
def test_device_that_torch_cannot_use_is_rejected_in_one_line(small_model, device):
    with pytest.raises(ValueError, match=f"device: expected a device .* got {device!r}") as error:
        TorchvisionDetector(small_model, device=device)
    assert "\n" not in str(error.value)


def test_class_numbers_are_those_of_yolox(monkeypatch):
    import torch

    class FixedOutput(torch.nn.Module):
        def forward(self, images):
            assert images[0].shape == (3, 48, 96)
            assert images[0].max() <= 1
            box = torch.tensor([[1.0, 2.0, 30.0, 40.0], [5.0, 5.0, 200.0, 45.0], [1, 1, 1, 9]])
            scores = torch.tensor([0.9, 0.8, 0.7])
            return [{"boxes": box, "scores": scores, "labels": torch.tensor([1, 13, 1])}]

    categories = ["__background__", *(f"class {i}" for i in range(1, 12)), "N/A", "stop sign"]
    monkeypatch.setattr(torchvision_coco, "_load_model", lambda *_: (FixedOutput(), categories))
    found = TorchvisionDetector("any", classes=None)(GREY)
    np.testing.assert_array_equal(found.class_id, [0, 11])
    np.testing.assert_array_equal(found.xyxy, [[1, 2, 30, 40], [5, 5, 96, 45]])


def test_unknown_model_is_rejected_with_the_known_ones():
    with pytest.raises(
        ValueError, match=r"^torchvision: expected one of fasterrcnn_.*, got 'vgg'$"
    ):
        TorchvisionDetector("vgg")
