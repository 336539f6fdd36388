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

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.lib import cli_options, provenance
from deepsort_reid.reid.data.datasets import load_images, read_market1501
from deepsort_reid.scene.street import Street
from deepsort_reid.vision.crops import resize_crop

Image = NDArray[np.uint8]  # (H, W, 3) RGB

VIEW_SIZE = (160, 80)  # height, width of the input of the student
CROP_SIZE = (128, 64)  # of Market-1501
TEACHER_SIZE = (256, 128)
SHARD_SIZE = 4096  # views in one folder
HELD_OUT_IDENTITIES = 50
STREETS = tuple(range(100, 112))  # seeds
STREET_WEIGHT = 0.4  # sampling weight of a rendered crop relative to a crop of Market-1501
# Share of recoloured views in the first EARLY_SHARDS shards and in the later ones. The student was
# closer to the teachers on training identities than on others; recolouring adds identities.
RECOLOURED, EARLY_SHARDS = (0.25, 0.6), 21
SINGLE, STACKED, BLENDED, OCCLUDED, NEW_BACKGROUND = range(5)  # composition of a view
KIND_SHARES = (0.62, 0.12, 0.08, 0.12, 0.06)


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
            recoloured = RECOLOURED[number > EARLY_SHARDS]  # number 0 is `held_out`
            rng = np.random.default_rng([1, number])
            write_shard(args.out / shard, crops, rows, teachers, rng, recoloured)
            print(f"{shard}: {SHARD_SIZE} views", flush=True)


class Teachers:
    """Teacher networks: images in, the concatenated unit embeddings of all teachers out.

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
        self._queues = []
        for model in models:
            compiled = core.compile_model(core.read_model(model), "CPU", options)
            self._queues.append(openvino.AsyncInferQueue(compiled, threads))

    def __call__(self, images: NDArray[np.uint8]) -> NDArray[np.float16]:
        """Embed RGB uint8 images (N, H, W, 3) -> (N, T * 256) float16, unit rows per teacher."""
        outputs = [[np.empty(0)] * len(images) for _ in self._queues]
        for queue, rows in zip(self._queues, outputs, strict=True):
            queue.set_callback(
                lambda request, row, rows=rows: rows.__setitem__(
                    row, request.get_output_tensor(0).data[0].copy()
                )
            )
        for row, image in enumerate(images):
            resized = cv2.resize(image, TEACHER_SIZE[::-1], interpolation=cv2.INTER_LINEAR)
            planes = resized[..., ::-1].transpose(2, 0, 1)[None].astype(np.float32)
            for queue in self._queues:
                queue.start_async([planes], row)
        for queue in self._queues:
            queue.wait_all()
        per_teacher = [np.stack(rows).astype(np.float32) for rows in outputs]
        unit = [rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in per_teacher]
        return np.concatenate(unit, 1).astype(np.float16)


def make_crops(market: Path, path: Path, teachers: Teachers) -> Crops:
    """Return all crops; write them to `path` with their teacher embeddings if it does not exist."""
    if not path.is_file():
        crops = _concatenate([_market_crops(market), *map(_street_crops, STREETS)])
        embedding = teachers(crops.image)
        unfinished = path.with_name("unfinished.npz")
        np.savez(unfinished, teacher_embedding=embedding, **vars(crops))
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
    recoloured: float,
) -> None:
    """Write a folder of views of the crops in `rows`, with S = SHARD_SIZE.

    Files: `view.npy` (S, 160, 80, 3) uint8 RGB; `teacher_embedding.npy` (S, T * 256) float16;
    `crop.npy` (S,) the row of the first crop of each view; `is_same.npy` (S,) False where the view
    is recoloured or mixed and therefore shows another appearance than that crop.
    """
    share = np.where(crops.is_market[rows], 1.0, STREET_WEIGHT)
    chosen = rng.choice(rows, SHARD_SIZE, p=share / share.sum())
    made = [make_view(crops.image, int(row), rows, rng, recoloured) for row in chosen]
    views = np.stack([view for view, _ in made])
    unfinished = folder.with_name(f"{folder.name}.part")
    unfinished.mkdir(exist_ok=True)
    np.save(unfinished / "view.npy", views)
    np.save(unfinished / "teacher_embedding.npy", teachers(views))
    np.save(unfinished / "crop.npy", chosen)
    np.save(unfinished / "is_same.npy", np.array([is_same for _, is_same in made]))
    unfinished.replace(folder)


def make_view(
    images: NDArray[np.uint8],
    row: int,
    others: NDArray[np.int64],
    rng: np.random.Generator,
    recoloured: float = RECOLOURED[0],
) -> tuple[Image, bool]:
    """Return a view (160, 80, 3) of images[row] and whether it still shows that appearance."""
    if rng.random() < 0.15:  # nearly unchanged, as at inference
        return _warp(images[row], rng, 0.4), True
    kind = rng.choice(5, p=KIND_SHARES)
    other = images[rng.choice(others)]
    view, is_same = _compose(images[row], other, int(kind), rng)
    view = _warp(view, rng, 1.0)
    if rng.random() < recoloured:
        view, is_same = _recolour(view, rng), False
    view = _change_lighting(view, rng)
    return _degrade(view, rng), is_same


def _compose(image: Image, other: Image, kind: int, rng: np.random.Generator) -> tuple[Image, bool]:
    """Return a composition of two crops and whether it still shows the first appearance."""
    height, width = image.shape[:2]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    if kind == SINGLE:
        return image, True
    if kind == STACKED:  # upper body of one crop, legs of the other
        weight = np.clip((rng.uniform(0.4, 0.65) * height - y) / 6 + 0.5, 0, 1)
    elif kind == BLENDED:
        weight = np.full((height, width), rng.uniform(0.5, 0.85), np.float32)
    elif kind == OCCLUDED:  # occluded from one side or from below
        occluded = rng.uniform(0.1, 0.45)
        distance = (x / width, 1 - x / width, 1 - y / height)[rng.integers(3)]
        weight = (distance > occluded).astype(np.float32)
        shift = (int(rng.uniform(-0.5, 0.5) * height), int(rng.uniform(-0.5, 0.5) * width))
        other = np.roll(other, shift, (0, 1))
    else:  # the centre of one crop on the surroundings of the other
        distance = np.hypot((x / width - 0.5) / 0.36, (y / height - 0.5) / 0.5)
        weight = np.clip((1 - distance) * 4 + 0.5, 0, 1)
    mixed = image * weight[..., None] + other * (1 - weight[..., None])
    return mixed.astype(np.uint8), kind in (OCCLUDED, NEW_BACKGROUND)


def _warp(image: Image, rng: np.random.Generator, strength: float) -> Image:
    """Zoom, stretch, shift, rotate, shear and mirror in one resampling to VIEW_SIZE."""
    height, width = VIEW_SIZE
    zoom = np.exp(rng.normal(0.02, 0.13 * strength) + np.array([1, -1]) * rng.normal(0, 0.05))
    scale = np.array([image.shape[1] / width, image.shape[0] / height]) / zoom
    angle, shear = rng.normal(0, [0.05 * strength, 0.04 * strength])
    linear = np.array([[1, shear - angle], [angle, 1]]) * scale[:, None]
    linear[:, 0] *= rng.choice([-1, 1])
    centre = (0.5 + rng.normal(0, 0.05 * strength, 2)) * (image.shape[1], image.shape[0])
    matrix = np.column_stack([linear, centre - linear @ (width / 2, height / 2)])
    border = (cv2.BORDER_REPLICATE, cv2.BORDER_REFLECT_101)[rng.integers(2)]
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(image, matrix, (width, height), flags=flags, borderMode=border)


def _recolour(image: Image, rng: np.random.Generator) -> Image:
    """Rotate the hue of the whole image, or above or below a random row only."""
    hue, saturation, value = cv2.split(cv2.cvtColor(image, cv2.COLOR_RGB2HSV))
    rotated = ((hue.astype(np.int64) + rng.integers(15, 165)) % 180).astype(np.uint8)
    row = int(rng.uniform(0.4, 0.6) * len(image))
    where = (slice(None), slice(0, row), slice(row, None))[rng.integers(3)]
    hue[where] = rotated[where]
    if rng.random() < 0.3:
        value[where] = cv2.LUT(value[where], _gamma_table(rng.choice([0.45, 2.2])))
    return np.asarray(cv2.cvtColor(cv2.merge([hue, saturation, value]), cv2.COLOR_HSV2RGB))


def _change_lighting(image: Image, rng: np.random.Generator) -> Image:
    """Change gamma, saturation, contrast, brightness and colour cast; add a light gradient."""
    curved = cv2.LUT(image, _gamma_table(np.exp(rng.normal(0, 0.25)))).astype(np.float32)
    grey = curved @ np.array([0.299, 0.587, 0.114], np.float32)
    if rng.random() < 0.06:
        curved = np.repeat(grey[..., None], 3, 2)
    saturation, contrast = np.exp(rng.normal(0, [0.25, 0.15])).astype(np.float32)
    coloured = grey[..., None] + (curved - grey[..., None]) * saturation
    mean = np.float32(grey.mean())
    lit = mean + (coloured - mean) * contrast + np.float32(rng.normal(0, 12))
    lit *= np.exp(rng.normal(0, 0.07, 3)).astype(np.float32)
    if rng.random() < 0.2:
        ramp = np.linspace(*rng.uniform(0.6, 1.3, 2), len(lit), dtype=np.float32)
        lit *= ramp[:, None, None]
    return lit.clip(0, 255).astype(np.uint8)


def _degrade(image: Image, rng: np.random.Generator) -> Image:
    """Apply low resolution, blur, motion blur, noise and JPEG compression at random."""
    height, width = image.shape[:2]
    chance = rng.random(5)
    if chance[0] < 0.3:
        scale = rng.uniform(0.22, 0.8)
        small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        image = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
    if chance[1] < 0.2:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.5, 1.8))
    if chance[2] < 0.08:
        image = cv2.blur(image, (int(rng.integers(3, 9)), 1))
    if chance[3] < 0.3:
        noise = rng.standard_normal(image.shape, dtype=np.float32) * rng.uniform(2, 15)
        image = (image + noise).clip(0, 255).astype(np.uint8)
    if chance[4] < 0.25:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(15, 70))]
        image = cv2.imdecode(cv2.imencode(".jpg", image, quality)[1], cv2.IMREAD_COLOR)
    return np.asarray(image, np.uint8)


def _gamma_table(gamma: float) -> NDArray[np.uint8]:
    """Return the lookup table (256,) of a gamma curve."""
    return (255 * (np.arange(256) / 255) ** gamma).astype(np.uint8)


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
