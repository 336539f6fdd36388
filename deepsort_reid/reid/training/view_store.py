"""Views of crops on disk, with the embeddings of the teachers.

Each view is made and embedded once; training reads it as often as it likes.
"""

import hashlib
import json
import logging
import math
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from deepsort_reid.io.atomic import open_atomically, write_atomically
from deepsort_reid.reid.training.distillation_views import make_view
from deepsort_reid.reid.training.teacher import Embedding, Teachers

_log = logging.getLogger(__name__)

SHARD_SIZE = 1024  # views in one file
Images = NDArray[np.uint8]  # (N, H, W, 3) RGB


class ViewStore:
    """Folder of views of training crops with the embeddings of the teachers.

    `make` writes what is missing; an interrupted one is continued. Files: `description.json`;
    `crops.npy`, embeddings of the unchanged crops; `held_out.npy`, those of validation crops; and
    for every `SHARD_SIZE` views `0000.npy`, the views, and `0000.npz`, their embeddings, the row of
    the crop that each shows, and whether it still shows that appearance.

    Args:
        folder: made by `make`.
        images: (N, H, W, 3) RGB crops to make views of; their size is that of the views.
        held_out: (M, H, W, 3) RGB crops for validation, embedded without a change.
        count: number of views, spread evenly over the crops.
        seed: the same seed gives the same views.
    """

    def __init__(
        self, folder: Path, images: Images, held_out: Images, *, count: int, seed: int
    ) -> None:
        self.folder, self.images, self.held_out = folder, images, held_out
        self.count, self.seed = count, seed
        self.num_shards = math.ceil(count / SHARD_SIZE)

    @property
    def num_bytes(self) -> int:
        """Size of all views on disk."""
        return self.count * math.prod(self.images.shape[1:])

    def is_complete(self) -> bool:
        """Whether everything is there. Raises ValueError when it is of other crops."""
        self._check_description(None)
        names = ("crops.npy", "held_out.npy")
        return not self._missing() and all((self.folder / name).is_file() for name in names)

    def make(self, teachers: Teachers, *, part: int = 0, num_parts: int = 1) -> None:
        """Write what is missing; process `part` of `num_parts` writes its share of the views.

        Raises ValueError when the folder holds views of other crops, teachers or options, or the
        disk has too little space; OSError when a file cannot be written.
        """
        digests = [_digest(path.read_bytes()) for path in teachers.paths]
        description = self._describe() | {"teachers": digests, "dimensions": list(teachers.dims)}
        self._check_description(description)
        missing = self._missing()
        self.folder.mkdir(parents=True, exist_ok=True)
        if part == 0:
            self._check_space(len(missing))
            text = json.dumps(description, indent=2)
            write_atomically(self.folder / "description.json", text)
            for name, images in (("crops.npy", self.images), ("held_out.npy", self.held_out)):
                if not (self.folder / name).is_file():
                    _save(self.folder / name, _embed(teachers, images).astype(np.float16))
        own = [number for number in missing if number % num_parts == part]
        # None: tqdm shows no bar where stderr is not a terminal.
        with tqdm(desc="views", unit=" views", total=SHARD_SIZE * len(own), leave=False,
                  disable=None if part == 0 else True) as bar:  # fmt: skip
            for number in own:
                self._write_shard(number, teachers)
                bar.update(SHARD_SIZE)

    def open(self) -> "StoredViews":
        """The views of a complete folder."""
        return StoredViews(self.folder, self.num_shards)

    def _write_shard(self, number: int, teachers: Teachers) -> None:
        rng = np.random.default_rng([self.seed, number])
        first = number * SHARD_SIZE
        crop = self._crop_of_view()[first : first + SHARD_SIZE]
        size = (self.images.shape[1], self.images.shape[2])
        others = np.arange(len(self.images))
        made = [make_view(self.images, int(row), others, rng, size=size) for row in crop]
        view = np.stack([image for image, _ in made])
        _save(self._path(number, "npy"), view)
        with open_atomically(self._path(number, "npz")) as file:
            np.savez(
                file,
                teacher_embedding=_embed(teachers, view).astype(np.float16),
                crop=crop,
                is_same=np.array([is_same for _, is_same in made]),
            )

    def _crop_of_view(self) -> NDArray[np.int64]:
        """(count,) rows of `images`: all in random order before any comes again."""
        rng = np.random.default_rng(self.seed)
        rounds = math.ceil(self.count / len(self.images))
        rows = [rng.permutation(len(self.images)) for _ in range(rounds)]
        return np.concatenate(rows)[: self.count]

    def _path(self, number: int, suffix: str) -> Path:
        return self.folder / f"{number:04d}.{suffix}"

    def _missing(self) -> list[int]:
        # The .npz file is written last.
        return [n for n in range(self.num_shards) if not self._path(n, "npz").is_file()]

    def _describe(self) -> dict[str, Any]:
        return {
            "images": _digest(np.ascontiguousarray(self.images).data),
            "held-out images": _digest(np.ascontiguousarray(self.held_out).data),
            "size": list(self.images.shape[1:3]),
            "number of views": self.count,
            "seed": self.seed,
        }

    def _check_description(self, description: Mapping[str, Any] | None) -> None:
        """Raise ValueError when the folder exists with another description.

        description: None leaves out the teachers, whose files a complete folder does not need.
        """
        path = self.folder / "description.json"
        if not path.is_file():
            return
        found = json.loads(path.read_text(encoding="utf-8"))
        expected = self._describe() if description is None else description
        other = [key for key, value in expected.items() if found.get(key) != value]
        if other:
            raise ValueError(
                f"{self.folder}: holds views with other {', '.join(other)}; choose another folder "
                "with --out, or delete this one"
            )

    def _check_space(self, num_missing: int) -> None:
        needed = self.num_bytes * num_missing / self.num_shards
        free = shutil.disk_usage(self.folder).free
        _log.info(
            "%d views of %d images in %s, %.2f GB",
            *(self.count, len(self.images), self.folder, self.num_bytes / 1e9),
        )
        if needed > free:
            raise ValueError(
                f"{self.folder}: the views need {needed / 1e9:.2f} GB, {free / 1e9:.2f} GB are "
                "free: use fewer --views or another --out"
            )


class StoredViews:
    """Views of a complete `ViewStore`, read from disk where they are used.

    Attributes:
        teacher_embedding: (V, D) float16, unit rows per teacher.
        crop: (V,) row of the crop that a view shows.
        is_same: (V,) False where it is recoloured or mixed and shows another appearance.
        dims: length of the embedding of each teacher.
        crop_embedding, held_out_embedding: of the unchanged crops, (N, D) and (M, D) float16.
    """

    def __init__(self, folder: Path, num_shards: int) -> None:
        paths = [folder / f"{number:04d}.npy" for number in range(num_shards)]
        self._shards = [np.load(path, mmap_mode="r") for path in paths]
        stored = [np.load(path.with_suffix(".npz")) for path in paths]
        self.teacher_embedding = np.concatenate([each["teacher_embedding"] for each in stored])
        self.crop = np.concatenate([each["crop"] for each in stored])
        self.is_same = np.concatenate([each["is_same"] for each in stored])
        self.crop_embedding = np.load(folder / "crops.npy")
        self.held_out_embedding = np.load(folder / "held_out.npy")
        description = json.loads((folder / "description.json").read_text(encoding="utf-8"))
        self.dims: tuple[int, ...] = tuple(description["dimensions"])
        self.shape = (len(self.crop), *self._shards[0].shape[1:])

    def __len__(self) -> int:
        return len(self.crop)

    def __getitem__(self, rows: NDArray[np.int64]) -> Images:
        """Views (B, H, W, 3) RGB of the rows (B,)."""
        return np.stack([self._shards[row // SHARD_SIZE][row % SHARD_SIZE] for row in rows])


def _embed(teachers: Teachers, images: Images) -> Embedding:
    if not len(images):
        return np.empty((0, sum(teachers.dims)), np.float32)
    return teachers(images)


def _digest(data: bytes | memoryview) -> str:
    return hashlib.sha256(data).hexdigest()


def _save(path: Path, array: NDArray[Any]) -> None:
    with open_atomically(path) as file:
        np.save(file, array)
