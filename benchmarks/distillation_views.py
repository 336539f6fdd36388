"""Make augmented views of training crops and their embeddings by teacher networks.

python -m benchmarks.distillation_views MARKET --teachers T1.xml T2.xml --out VIEWS --shards 20

The crops show the training identities of Market-1501 and persons on rendered streets; no test image
is read. 50 identities of Market-1501 are held out: their views are in the shard `held_out` only.
The teachers are OpenVINO networks of the Open Model Zoo with BGR inputs in 0..255, 256x128. After
an interruption, the same command continues after the last finished shard.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.lib import cli_options, provenance
from benchmarks.lib.distillation_student import TEACHER_DIM
from deepsort_reid.reid.data.datasets import load_images, read_market1501
from deepsort_reid.reid.models.pooling import REGIONS, region_weights
from deepsort_reid.reid.training.distillation_views import make_view
from deepsort_reid.scene.street import Street
from deepsort_reid.vision.crops import resize_crop

VIEW_SIZE = (160, 80)  # height, width of the input of the student
CROP_SIZE = (128, 64)  # of Market-1501
TEACHER_SIZE = (256, 128)
SHARD_SIZE = 4096  # views in one folder
HELD_OUT_IDENTITIES = 50
STREETS = tuple(range(100, 112))  # seeds
STREET_WEIGHT = 0.4  # sampling weight of a rendered crop relative to a crop of Market-1501


@dataclass(frozen=True, eq=False)
class Crops:
    """Crops before augmentation."""

    image: NDArray[np.uint8]  # (N, 128, 64, 3) RGB
    identity: NDArray[np.int64]  # (N,) 0 .. number of identities - 1; Market-1501 first
    track: NDArray[np.int64]  # (N,) equal for crops of one identity from one camera
    is_market: NDArray[np.bool_]  # (N,)
    camera: NDArray[np.int64]  # (N,) -1 on rendered streets

    @property
    def held_out(self) -> NDArray[np.bool_]:
        """(N,) whether the crop shows an identity that is used for validation only."""
        identities = np.unique(self.identity[self.is_market])
        chosen = np.random.default_rng(0).permutation(identities)[:HELD_OUT_IDENTITIES]
        return np.isin(self.identity, chosen)


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = cli_options.make_parser("distillation_views", __doc__)
    parser.add_argument("data", type=Path, help="folder Market-1501-v15.09.15")
    parser.add_argument(
        "--teachers",
        type=Path,
        nargs="+",
        required=True,
        metavar="XML",
        help="teacher networks, OpenVINO files with their .bin files beside them",
    )
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="folder of the views to write"
    )
    cli_options.add_number(parser, "--shards", 20, f"folders of {SHARD_SIZE} training views each")
    cli_options.add_number(parser, "--threads", 2, "CPU threads of the teachers")
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Write `crops.npz` and the missing shards."""
    args = make_parser().parse_args(argv)
    print(provenance.environment_line("openvino", "numpy", "opencv-python"), flush=True)
    args.out.mkdir(parents=True, exist_ok=True)
    teachers = Teachers(args.teachers, args.threads)
    crops = make_crops(args.data, args.out / "crops.npz", teachers)
    held_out = crops.held_out
    names = ["held_out", *(f"{number:04d}" for number in range(args.shards))]
    for number, shard in enumerate(names):
        if not (args.out / shard).is_dir():
            rows = np.flatnonzero(held_out if shard == "held_out" else ~held_out)
            rng = np.random.default_rng([2, number])
            write_shard(args.out / shard, crops, rows, teachers, rng)
            print(f"{shard}: {SHARD_SIZE} views", flush=True)


class Teachers:
    """Teacher networks: images in; embeddings, and how image regions contribute to them, out.

    Args:
        models: OpenVINO .xml files.
        threads: CPU threads, and images that each teacher embeds at a time.

    Raises:
        ModuleNotFoundError: openvino is not installed.
    """

    def __init__(self, models: Sequence[Path], threads: int) -> None:
        try:
            import openvino
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(
                "openvino, which runs the teachers, is not installed: pip install openvino",
                name="openvino",
            ) from error

        core = openvino.Core()
        # bfloat16 doubles the speed on processors that support it.
        options = {"NUM_STREAMS": str(threads), "INFERENCE_NUM_THREADS": str(threads)}
        options["INFERENCE_PRECISION_HINT"] = "bf16"
        self._queues, self._heads = [], []
        for path in models:
            model = core.read_model(path)
            self._heads.append(TeacherHead(model))
            compiled = core.compile_model(model, "CPU", options)
            self._queues.append(openvino.AsyncInferQueue(compiled, threads))

    def __call__(self, images: NDArray[np.uint8]) -> tuple[NDArray[np.float16], ...]:
        """Embed RGB uint8 images (N, H, W, 3) with all T teachers.

        Returns the embeddings (N, T * 256) float16, unit rows per teacher, and the contributions
        (N, T, REGIONS, 256) float16 to them of the regions of `region_weights`. The sum over the
        regions is the embedding without a constant.
        """
        embedding = np.empty((len(images), len(self._queues), TEACHER_DIM), np.float16)
        regions = np.empty((*embedding.shape[:2], REGIONS, TEACHER_DIM), np.float16)

        def store(request: Any, place: tuple[int, int]) -> None:
            output = request.get_output_tensor(0).data[0]
            norm = np.linalg.norm(output)
            embedding[place] = output / norm
            feature_map = request.get_output_tensor(1).data[0]
            regions[place] = self._heads[place[1]].contributions(feature_map) / norm

        for queue in self._queues:
            queue.set_callback(store)
        for row, image in enumerate(images):
            resized = cv2.resize(image, TEACHER_SIZE[::-1], interpolation=cv2.INTER_LINEAR)
            planes = resized[..., ::-1].transpose(2, 0, 1)[None].astype(np.float32)
            for teacher, queue in enumerate(self._queues):
                queue.start_async([planes], (row, teacher))
        for queue in self._queues:
            queue.wait_all()
        return embedding.reshape(len(images), -1), regions


class TeacherHead:
    """Linear head of a teacher: weights of each map cell, then a matrix.

    Adds the feature map in front of the head to the outputs of the network. The last activation
    function of the networks is ignored: its slope is over 0.99.
    """

    def __init__(self, model: Any) -> None:
        nodes = model.get_ordered_ops()
        pooling = [node for node in nodes if node.get_type_name() == "GroupConvolution"][-1]
        matrix = [node for node in nodes if node.get_type_name() == "MatMul"][-1]
        scale = [node for node in nodes if node.get_type_name() == "Multiply"][-1]
        model.add_outputs(pooling.input_value(0))
        weight = _constant(pooling.input_value(1))  # (C, 1, 1, h, w)
        channels, height, width = len(weight), *weight.shape[-2:]
        regions = region_weights(height, width).reshape(REGIONS, -1)
        # (REGIONS, h * w, C): weights of the cells in each region
        self._weight = regions[:, :, None] * weight.reshape(channels, -1).T[None]
        self._matrix = _constant(matrix.input_value(1)) * _constant(scale.input_value(1))[0]

    def contributions(self, feature_map: NDArray[np.float32]) -> NDArray[np.float32]:
        """Feature map (C, h, w) -> contributions (REGIONS, 256)."""
        cells = feature_map.reshape(len(feature_map), -1).T
        pooled = np.einsum("rpc,pc->rc", self._weight, cells)
        return np.asarray(pooled @ self._matrix.T, np.float32)


def _constant(output: Any) -> NDArray[np.float32]:
    """Return the value of a constant expression of a network."""
    import openvino

    compiled = openvino.compile_model(openvino.Model([output], []), "CPU")
    return np.array(compiled([])[0], np.float32)


def make_crops(market: Path, path: Path, teachers: Teachers) -> Crops:
    """Return all crops; write them to `path` with their teacher embeddings if it does not exist."""
    if not path.is_file():
        crops = _concatenate([_market_crops(market), *map(_street_crops, STREETS)])
        embedding, regions = teachers(crops.image)
        unfinished = path.with_name("unfinished.npz")
        np.savez(unfinished, teacher_embedding=embedding, **vars(crops))
        del regions
        unfinished.replace(path)
        print(f"{len(embedding)} crops of {crops.identity.max() + 1} identities", flush=True)
    return read_crops(path)[0]


def read_crops(path: Path) -> tuple[Crops, NDArray[np.float16]]:
    """Read a file of `make_crops`: the crops and their teacher embeddings (N, T * 256)."""
    with np.load(path) as stored:
        data = {name: stored[name] for name in stored.files}
    teacher_embedding = data.pop("teacher_embedding")
    return Crops(**data), teacher_embedding


def write_shard(
    folder: Path,
    crops: Crops,
    rows: NDArray[np.int64],
    teachers: Teachers,
    rng: np.random.Generator,
) -> None:
    """Write a folder of views of the crops in `rows`, with S = SHARD_SIZE.

    Files: `view.npy` (S, 160, 80, 3) uint8 RGB; `teacher_embedding.npy` (S, T * 256) and
    `regions.npy` (S, T, REGIONS, 256), both float16, outputs of `Teachers`; `crop.npy` (S,) the row
    of the first crop of each view; `is_same.npy` (S,) False where the view is recoloured or mixed
    and therefore shows another appearance than that crop.
    """
    share = np.where(crops.is_market[rows], 1.0, STREET_WEIGHT)
    chosen = rng.choice(rows, SHARD_SIZE, p=share / share.sum())
    made = [make_view(crops.image, int(row), rows, rng, size=VIEW_SIZE) for row in chosen]
    views = np.stack([view for view, _ in made])
    unfinished = folder.with_name(f"{folder.name}.part")
    unfinished.mkdir(exist_ok=True)
    np.save(unfinished / "view.npy", views)
    embedding, regions = teachers(views)
    np.save(unfinished / "teacher_embedding.npy", embedding)
    np.save(unfinished / "regions.npy", regions)
    np.save(unfinished / "crop.npy", chosen)
    np.save(unfinished / "is_same.npy", np.array([is_same for _, is_same in made]))
    unfinished.replace(folder)


def _market_crops(market: Path) -> Crops:
    """Return all training crops; ValueError when an image cannot be read."""
    samples = read_market1501(market / "bounding_box_train")
    image, samples, problems = load_images(samples, *CROP_SIZE)
    if problems:
        raise ValueError(f"{market}: {len(problems)} images cannot be read, {problems[0]}")
    identity = np.unique([sample.identity for sample in samples], return_inverse=True)[1]
    track = np.unique([sample.track for sample in samples], return_inverse=True)[1]
    camera = np.array([sample.camera for sample in samples])
    return Crops(image, identity, track, np.ones(len(image), np.bool_), camera)


def _street_crops(seed: int) -> Crops:
    """Return the crops of one rendered street, about four times a second."""
    street = Street(seed=seed, people=16, frames=240, camera_pan=seed % 2 == 0)
    image, identity = [], []
    for number in range(1, street.frames + 1, 6):
        frame, rows = street.frame(number), street.rows(number)
        rows = street.clipped(rows)
        corners = np.rint(rows.xyxy).astype(int)
        for (x1, y1, x2, y2), person, visible in zip(
            corners, rows.id, rows.visibility, strict=True
        ):
            if visible > 0.5 and x2 - x1 >= 16 and y2 - y1 >= 32:
                image.append(resize_crop(frame[y1:y2, x1:x2, ::-1], CROP_SIZE))
                identity.append(person)
    index = np.unique(identity, return_inverse=True)[1]
    camera = np.full(len(index), -1)
    return Crops(np.stack(image), index, index, np.zeros(len(index), np.bool_), camera)


def _concatenate(parts: Sequence[Crops]) -> Crops:
    """Concatenate crops; identities and tracks of different parts get different numbers."""
    first_identities = np.cumsum([0, *(part.identity.max() + 1 for part in parts)])[:-1]
    sizes = [len(part.image) for part in parts]
    first_tracks = np.cumsum([0, *(part.track.max() + 1 for part in parts)])[:-1]
    return Crops(
        np.concatenate([part.image for part in parts]),
        np.concatenate([part.identity for part in parts]) + np.repeat(first_identities, sizes),
        np.concatenate([part.track for part in parts]) + np.repeat(first_tracks, sizes),
        np.concatenate([part.is_market for part in parts]),
        np.concatenate([part.camera for part in parts]),
    )


if __name__ == "__main__":
    main()
