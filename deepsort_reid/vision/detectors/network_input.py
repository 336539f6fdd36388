"""The image input of an ONNX detector, of fixed or open size."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.structures.frame import Frame
from deepsort_reid.vision.detectors.letterbox import letterbox, stretch
from deepsort_reid.vision.detectors.onnx_head import ImageSize
from deepsort_reid.vision.onnx_session import OnnxSession, check_input_size

STRIDE = 32  # network pixels per cell of the coarsest output level
_TYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16}
_SIZE_TYPES = {"tensor(int64)": np.int64, "tensor(int32)": np.int32, "tensor(float)": np.float32}


class NetworkInput:
    """What a detector network takes: one image, and for some networks a size (width, height).

    Args:
        session: the network; its first input is the image (1, 3, height, width), of which batch
            size, height and width may be open. A second input (1, 2) is the size in which boxes
            are given.
        longer_side: where height and width are open, frames are resized to this longer side.

    Attributes:
        has_size: whether there is the second input.
        takes_batches: whether the number of images in a run is open.

    Raises ValueError when the network takes something else.
    """

    def __init__(self, session: OnnxSession, longer_side: int) -> None:
        image, *others = session.inputs
        is_image = (
            len(image.shape) == 4
            and _is_or_is_open(image.shape[0], 1)
            and _is_or_is_open(image.shape[1], 3)
            and image.type in _TYPES
        )
        is_size = [
            len(each.shape) == 2 and _is_or_is_open(each.shape[1], 2) and each.type in _SIZE_TYPES
            for each in others
        ]
        if not is_image or is_size not in ([], [True]):
            raise ValueError(
                f"{session.name}: expected a detector with one input, images (1, 3, H, W), or a "
                f"second one, (width, height) (1, 2), got {session.describe()}"
            )
        self._session = session
        self._longer_side = longer_side
        self._type = _TYPES[image.type]
        self._fixed_height, self._fixed_width = (  # None: open
            side if isinstance(side, int) else None for side in image.shape[2:]
        )
        check_input_size(session.name, (1, 3, *self.square))
        self.has_size = bool(others)
        self.takes_batches = not isinstance(image.shape[0], int)

    def run(self, values: NDArray[np.float32]) -> list[NDArray[Any]]:
        """Outputs of the network, with the batch axis, for the values (B, 3, H, W) of images."""
        others = {}
        if self.has_size:
            size = self._session.inputs[1]
            sizes = np.tile(values.shape[:1:-1], (len(values), 1))
            others[size.name] = sizes.astype(_SIZE_TYPES[size.type])
        return self._session.run(values.astype(self._type, copy=False), others=others)

    def resize(self, frame: Frame, *, keep_aspect_ratio: bool) -> tuple[Frame, NDArray[np.float64]]:
        """A frame in the size of the input, and the scales as of `letterbox`."""
        if not keep_aspect_ratio:
            return stretch(frame, self.square)
        height, width = (
            # The least multiple of the stride that holds the resized frame.
            -(-int(side * self._longer_side / max(frame.shape[:2])) // STRIDE) * STRIDE or STRIDE
            for side in frame.shape[:2]
        )
        return letterbox(frame, (self._fixed_height or height, self._fixed_width or width))

    @property
    def square(self) -> ImageSize:
        """Height and width of the input; the longer side for each that is open."""
        return self._fixed_height or self._longer_side, self._fixed_width or self._longer_side


def _is_or_is_open(length: int | str | None, expected: int) -> bool:
    """Whether a declared length is the expected one, or open: a name or None."""
    return length == expected or not isinstance(length, int)
