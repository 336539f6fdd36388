"""Detectors of torchvision, trained on COCO; needs torch and torchvision."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from deepsort_reid.structures.detections import Detections
from deepsort_reid.structures.frame import Frame, check_frame
from deepsort_reid.vision.detectors.class_names import select_classes, with_names
from deepsort_reid.vision.detectors.postprocess import check_fraction, clip_to_frame

# Names without an object in torchvision's list of COCO categories.
_NO_OBJECT = frozenset({"__background__", "N/A", "no person"})
# The weights of these models were trained with batch normalisation of epsilon 0. torchvision sets
# it when it loads the weights itself.
_ZERO_EPSILON_MODELS = frozenset(
    f"{kind}_resnet50_fpn" for kind in ("fasterrcnn", "maskrcnn", "keypointrcnn", "retinanet")
)


class TorchvisionDetector:
    """A COCO detector of torchvision, such as "fasterrcnn_resnet50_fpn_v2".

    Boxes are clipped to the frame. Column "class_name" of the detections has the names of COCO, and
    `class_names` all of them by number.

    Args:
        name: name of the model in torchvision.
        weights: file of its weights; None lets torchvision download them once.
        min_score: detections with a lower score are dropped.
        classes: classes to keep, by name or by number in the numbering of YOLOX (the 80 classes of
            COCO without gaps; 0 is "person"); None for all.
        device: a device of torch, such as "cpu", "cuda" or "cuda:1".

    Raises:
        ModuleNotFoundError: torch or torchvision is not installed.
        ValueError: the name is unknown, the file does not hold weights of this model, or torch
            cannot use the device.
        OSError: the weights cannot be downloaded or read.
    """

    def __init__(
        self,
        name: str = "fasterrcnn_mobilenet_v3_large_fpn",
        *,
        weights: Path | str | None = None,
        min_score: float = 0.1,
        classes: Sequence[int | str] | None = (0,),
        device: str = "cpu",
    ) -> None:
        check_fraction("min_score", min_score)
        _check_device(device)
        self._min_score = min_score
        self._device = device
        self._model, categories = _load_model(name, weights)
        self._model.eval().to(device)
        # torchvision numbers the categories of COCO with gaps.
        real = [i for i, category in enumerate(categories) if category not in _NO_OBJECT]
        self._class_of_label = np.full(len(categories), -1, dtype=np.int64)
        self._class_of_label[real] = np.arange(len(real))
        self.class_names = {number: categories[i] for number, i in enumerate(real)}
        self._classes = select_classes(classes, self.class_names, len(real))

    def __call__(self, frame: Frame) -> Detections:
        """Detect in one BGR uint8 frame (H, W, 3); ValueError for another kind of array."""
        import torch

        frame = check_frame(frame)
        image = torch.from_numpy(np.ascontiguousarray(frame[:, :, ::-1].transpose(2, 0, 1)))
        with torch.inference_mode():
            found = self._model([image.to(self._device).float() / 255])[0]
        xyxy = found["boxes"].cpu().numpy().astype(np.float64)
        score = found["scores"].cpu().numpy().astype(np.float64)
        class_id = self._class_of_label[found["labels"].cpu().numpy()]
        keep = score >= self._min_score
        if self._classes is not None:
            keep &= np.isin(class_id, self._classes)
        found = clip_to_frame(xyxy[keep], score[keep], class_id[keep], frame.shape[1::-1])
        return with_names(found, self.class_names)


def _check_device(device: str) -> None:
    """Raise ValueError for a device that the installed torch cannot use."""
    import torch

    try:
        torch.zeros(1, device=device)
    except (AssertionError, NotImplementedError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else "unknown"
        raise ValueError(
            f"device: expected a device that the installed torch can use, such as cpu, got "
            f"{device!r} ({reason})"
        ) from error


def _load_model(name: str, weights: Path | str | None) -> tuple[Any, list[str]]:
    """Load a network with its weights; also returns the names of its categories."""
    import torch
    from torchvision.models import detection, get_model, get_model_weights, list_models

    known = list_models(module=detection)
    if name not in known:
        raise ValueError(f"torchvision: expected one of {', '.join(known)}, got {name!r}")
    pretrained = get_model_weights(name).DEFAULT
    categories: list[str] = pretrained.meta["categories"]
    if weights is None:
        try:
            return get_model(name, weights=pretrained), categories
        except OSError as error:
            raise OSError(
                f"detector {name}: its weights could not be downloaded ({error}); download "
                f"{pretrained.url} on a machine with network access and pass the file as weights "
                "(--detector-weights)"
            ) from error
    if not Path(weights).is_file():
        raise FileNotFoundError(f"detector {name}: no such file of weights: {weights}")
    model = get_model(name, weights=None, weights_backbone=None, num_classes=len(categories))
    if name in _ZERO_EPSILON_MODELS:
        for module in model.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.eps = 0.0
    try:
        model.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    except Exception as error:  # pickle, zip and torch each raise their own
        reason = str(error).strip().splitlines()[0] if str(error).strip() else "unreadable"
        raise ValueError(f"{weights}: expected weights of {name}: {reason}") from error
    return model, categories
