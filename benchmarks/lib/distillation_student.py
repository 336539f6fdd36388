"""Student network of the distillation: architecture, targets and initialisation."""

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from numpy.typing import NDArray
from torch import Tensor

from deepsort_reid.reid.models.reid_model import ReidModel
from deepsort_reid.reid.training.checkpoint import build_model

EMBEDDING_DIM = 384
TEACHER_DIM = 256
<<<<<<< ours
ROWS = 5
REGIONS = 2 * ROWS  # of an image
MAP_SIZE = (10, 5)  # height, width of the last feature map of the student
PREFIX = "model.backbone."  # of the tensors of the backbone in files of `export_onnx`
# Normalisations that are not folded: layer in `InstanceBatchNorm`, tensors of the ONNX node.
NORM_INPUTS = {
    "InstanceNormalization": ("instance", ("weight", "bias")),
    "BatchNormalization": ("batch", ("weight", "bias", "running_mean", "running_var")),
}


def region_weights(height: int, width: int) -> NDArray[np.float32]:
    """Return the weights (REGIONS, height, width) of map cells in image regions.

    Five rows of two regions each: the centre and both sides. Borders are soft, and the weights of
    each cell sum to 1.
    """
    y = (np.arange(height, dtype=np.float32) + 0.5) / height * ROWS - 0.5
    row = np.clip(1 - np.abs(y[None] - np.arange(ROWS)[:, None]), 0, 1)
    row /= row.sum(0)
    x = np.abs((np.arange(width, dtype=np.float32) + 0.5) / width - 0.5)
    centre = np.clip((0.4 - x) / 0.2, 0, 1)
    column = np.stack([centre, 1 - centre])
    weight = np.einsum("ry,cx->rcyx", row, column).reshape(REGIONS, height, width)
    return np.asarray(weight, np.float32)


class RegionPool(nn.Module):
    """Mean over each region of `region_weights`: (B, C, 10, 5) -> (B, REGIONS * C)."""

    weight: Tensor

    def __init__(self) -> None:
        super().__init__()
        weight = region_weights(*MAP_SIZE).reshape(REGIONS, -1)
        weight /= weight.sum(1, keepdims=True)
        self.register_buffer("weight", torch.from_numpy(weight))

    def forward(self, feature_map: Tensor) -> Tensor:
        return (feature_map.flatten(2) @ self.weight.T).transpose(1, 2).flatten(1)


def new_student() -> ReidModel:
    """Return a network of backbone `compact`, `RegionPool` and one linear layer."""
    backbone, width = compact()
    return ReidModel(backbone, Head(REGIONS * width, EMBEDDING_DIM, pooling=RegionPool()))
=======
ARCHITECTURE = {
    "backbone": "compact",
    "embedding_dim": EMBEDDING_DIM,
    "pooling": "halves-max",
    "parts": 0,
}


def new_student() -> ReidModel:
    """Return the student with random weights."""
    return build_model(ARCHITECTURE)
>>>>>>> theirs


class Targets:
    """Map from the embeddings of the teachers to the target embeddings of the student.

    The mean embedding of each teacher over all crops is subtracted, so that the cosine of different
    identities is about 0. The embeddings of all teachers are concatenated and projected to their
    first `EMBEDDING_DIM` principal directions.

    Args:
        teacher_embedding: (N, T * 256), unit rows per teacher, of the crops that define the mean
            and the directions.
        regions: (M, T, REGIONS, 256) contributions of image regions, which define their mean.
    """

    def __init__(
        self, teacher_embedding: NDArray[np.float16], regions: NDArray[np.float16]
    ) -> None:
        per_teacher = _split_teachers(teacher_embedding)
        self.mean = per_teacher.mean(0)
        self.region_mean = torch.from_numpy(regions.mean(0, dtype=np.float32))
        directions = torch.linalg.svd(self._centred(per_teacher), full_matrices=False).Vh
        self.basis = directions[:EMBEDDING_DIM].T.contiguous()

    def __call__(self, teacher_embedding: NDArray[np.float16]) -> Tensor:
        """Return unit rows (N, `EMBEDDING_DIM`) float32 for rows (N, T * 256)."""
        per_teacher = _split_teachers(teacher_embedding)
        return F.normalize(self._centred(per_teacher) @ self.basis)

    def regions(
        self, teacher_embedding: NDArray[np.float16], regions: NDArray[np.float16]
    ) -> Tensor:
        """Return the contributions of the regions (N, REGIONS, `EMBEDDING_DIM`) to the targets.

        Their sum over the regions is the target, except for the rounding of the teachers.
        """
        centred = _split_teachers(teacher_embedding) - self.mean  # (N, T, 256)
        length = centred.norm(dim=2)[:, :, None, None]
        parts = (torch.from_numpy(regions.astype(np.float32)) - self.region_mean) / length
        total = self._centred(_split_teachers(teacher_embedding)) @ self.basis
        return parts.transpose(1, 2).flatten(2) @ self.basis / total.norm(dim=1)[:, None, None]

    def _centred(self, per_teacher: Tensor) -> Tensor:
        """Subtract the means: (N, T, 256) -> (N, T * 256), all teachers with the same weight."""
        return F.normalize(per_teacher - self.mean, dim=2).flatten(1)


def _split_teachers(teacher_embedding: NDArray[np.float16]) -> Tensor:
    """(N, T * 256) float16 -> (N, T, 256) float32."""
    rows = torch.from_numpy(teacher_embedding.astype(np.float32))
    return rows.view(len(rows), -1, TEACHER_DIM)


<<<<<<< ours
def load_convolutions(backbone: nn.Module, path: Path, images: Tensor) -> None:
    """Load the weights of an ONNX file of `export_onnx` into a `compact` backbone.

    The exporter folds batch normalisations into convolutions. This function unfolds them: the
    network computes the same function, the normalisations have the statistics of `images`
    (B, 3, H, W), normalised network inputs, and the weights of each convolution have the standard
    deviation of Kaiming initialisation.
    """
    graph = onnx.load(path).graph
    values = {item.name: numpy_helper.to_array(item) for item in graph.initializer}
    for node in graph.node:
        if node.op_type == "Cast" and node.input[0] in values:  # weights stored as float16
            values[node.output[0]] = values[node.input[0]]
    state = {
        name.removeprefix(PREFIX): _as_float32(value)
        for name, value in values.items()
        if name.startswith(PREFIX) and not name.endswith("_half")
    }
    modules = dict(backbone.named_modules())
    biases: dict[str, Tensor] = {}
    convolution_of_output: dict[str, str] = {}
    for node in graph.node:
        if node.op_type == "Conv":
            name = _convolution_name(node)
            convolution_of_output[node.output[0]] = name
            state[f"{name}.weight"] = _as_float32(values[node.input[1]])
            if isinstance(_norm_after(modules, name), nn.BatchNorm2d):  # folded
                has_bias = len(node.input) == 3  # the exporter omits a bias of zeros
                zeros = np.zeros(len(values[node.input[1]]))
                biases[name] = _as_float32(values[node.input[2]] if has_bias else zeros)
        elif node.op_type == "Slice" and node.input[0] in convolution_of_output:
            convolution_of_output[node.output[0]] = convolution_of_output[node.input[0]]
        elif node.op_type in NORM_INPUTS and node.input[0] in convolution_of_output:
            # Half of an `InstanceBatchNorm`. The exporter stores equal tensors once, under the name
            # of one of them, so the names of the tensors do not tell the layer.
            part, keys = NORM_INPUTS[node.op_type]
            layer = f"{convolution_of_output[node.input[0]]}_norm.{part}"
            for key, tensor in zip(keys, node.input[1:], strict=True):
                state[f"{layer}.{key}"] = _as_float32(values[tensor])
    backbone.load_state_dict(state, strict=False)
    _unfold(backbone, modules, biases, images)


def _as_float32(value: NDArray[np.float16] | NDArray[np.float32]) -> Tensor:
    return torch.tensor(value, dtype=torch.float32)


def _convolution_name(node: onnx.NodeProto) -> str:
    """Return the name of a convolution in the backbone, for example "3.shortcut.0"."""
    if node.input[1].startswith(PREFIX):
        return node.input[1].removeprefix(PREFIX).removesuffix(".weight")
    # The older exporter names only nodes: "/model/backbone/backbone.3/shortcut/shortcut.0/Conv".
    parts = node.name.split("/")[3:-1]
    name = ".".join([parts[0].removeprefix("backbone."), *parts[1:]])
    return name.replace("shortcut.shortcut", "shortcut")


def fit_head(student: ReidModel, images: Tensor, regions: Tensor, ridge: float = 0.1) -> None:
    """Initialise the head by ridge regression of `regions` (N, REGIONS, D) on the region means.
=======
def fit_head(student: ReidModel, images: Tensor, target: Tensor, ridge: float = 1.0) -> None:
    """Initialise the head by ridge regression of `target` (N, D) on the pooled backbone features.
>>>>>>> theirs

    images: (N, 3, H, W) in 0..255. BNNeck gets the mean and the variance of the regression.
    """
    student.eval()
    with torch.inference_mode():
        pooled = [
            student.head.pooling(student.backbone((batch.float() - student.mean) / student.std))
            for batch in images.split(64)
        ]
    features = torch.cat(pooled).clone().view(len(images), REGIONS, -1)
    rows = (features - features.mean(0)).transpose(0, 1)  # (REGIONS, N, C)
    gram = rows.transpose(1, 2) @ rows
    level = ridge * gram.diagonal(dim1=1, dim2=2).mean(1)
    gram += level[:, None, None] * torch.eye(gram.shape[1])
    centred = (regions - regions.mean(0)).transpose(0, 1)
    solution = torch.linalg.solve(gram, rows.transpose(1, 2) @ centred)  # (REGIONS, C, D)
    scaled = (regions.shape[2] ** 0.5) * solution.flatten(0, 1).T  # components of about 1
    feature = features.flatten(1) @ scaled.T
    neck = student.head.neck
    student.head.linear[0].weight.data.copy_(scaled)
    neck.running_mean.copy_(feature.mean(0))
    neck.running_var.copy_(feature.var(0))
    neck.weight.data.copy_((feature.var(0) + neck.eps).sqrt())
