"""Person detectors of torchvision, trained on COCO."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from deepsort_reid.structures.detections import Detections
from deepsort_reid.structures.frame import Frame, check_frame
from deepsort_reid.vision.detectors.postprocess import _check_share, _checked_classes, _inside

# Torchvision ran these with batch norms whose epsilon was 0 when their weights were trained, and
# sets it so when it loads the weights itself.
_WITHOUT_EPSILON = frozenset(
    f"{kind}_resnet50_fpn" for kind in ("fasterrcnn", "maskrcnn", "keypointrcnn", "retinanet")
)


class TorchvisionDetector:
    """A COCO detector of torchvision by its name, such as "fasterrcnn_resnet50_fpn_v2".

    weights: a file of weights for machines without network; None lets torchvision download its
        own once. classes: as YOLOX counts COCO's 80 classes (0 is a person), None for all.
    device: "cpu" or "cuda".

    Raises ValueError for an unknown name, OSError when the weights cannot be had.
    """

    def __init__(
        self,
        name: str = "fasterrcnn_mobilenet_v3_large_fpn",
        *,
        weights: Path | str | None = None,
        min_score: float = 0.1,
        classes: Sequence[int] | None = (0,),
        device: str = "cpu",
    ) -> None:
        _check_share("min_score", min_score)
        self._min_score = min_score
        self._device = device
        self._model, categories = _torchvision_model(name, weights)
        self._model.eval().to(device)
        # Torchvision numbers COCO's categories with gaps; the gaps are called "N/A".
        real = [
            i for i, c in enumerate(categories) if c not in ("__background__", "N/A", "no person")
        ]
        self._class_of = np.full(len(categories), -1, dtype=np.int64)
        self._class_of[real] = np.arange(len(real))
        self._classes = _checked_classes(classes, len(real))

    def __call__(self, frame: Frame) -> Detections:
        """Detect in one BGR uint8 frame (H, W, 3)."""
        import torch

        frame = check_frame(frame)
        image = torch.from_numpy(np.ascontiguousarray(frame[:, :, ::-1].transpose(2, 0, 1)))
        with torch.inference_mode():
            found = self._model([image.to(self._device).float() / 255])[0]
        xyxy = found["boxes"].cpu().numpy().astype(np.float64)
        score = found["scores"].cpu().numpy().astype(np.float64)
        class_id = self._class_of[found["labels"].cpu().numpy()]
        keep = (score >= self._min_score) & np.isin(class_id, self._classes)
        return _inside(xyxy[keep], score[keep], class_id[keep], frame.shape[1::-1])


def _torchvision_model(name: str, weights: Path | str | None) -> tuple[Any, list[str]]:
    """The network with its weights, and the names of its classes."""
    import torch
    from torchvision.models import detection, get_model, get_model_weights, list_models

    known = list_models(module=detection)
    if name not in known:
        others = "'background', a .onnx or .txt file or " if weights is None else ""
        raise ValueError(f"detector: expected {others}one of {', '.join(known)}, got {name!r}")
    pretrained = get_model_weights(name).DEFAULT
    categories: list[str] = pretrained.meta["categories"]
    if weights is None:
        try:
            return get_model(name, weights=pretrained), categories
        except OSError as error:
            raise OSError(
                f"detector {name}: its weights could not be downloaded ({error}); fetch "
                f"{pretrained.url} where there is a network and pass the file as weights "
                "(--detector-weights)"
            ) from error
    if not Path(weights).is_file():
        raise FileNotFoundError(f"detector {name}: no such file of weights: {weights}")
    model = get_model(name, weights=None, weights_backbone=None, num_classes=len(categories))
    if name in _WITHOUT_EPSILON:
        for module in model.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.eps = 0.0
    try:
        model.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    except Exception as error:  # pickle, zip and torch each raise their own
        reason = str(error).strip().splitlines()[0] if str(error).strip() else "unreadable"
        raise ValueError(f"{weights}: expected weights of {name}: {reason}") from error
    return model, categories
