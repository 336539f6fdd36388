"""ReID datasets: readers of identity folders and Market-1501, and loading of images."""

import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.io.csv_rows import read_rows
from deepsort_reid.io.file_types import has_image_file, iter_image_files, list_image_files
from deepsort_reid.io.images import read_image
from deepsort_reid.io.text_cells import original_cell
from deepsort_reid.structures.frame import Frame
from deepsort_reid.vision.crops import resize_crop

MANIFEST = "manifest.csv"  # written by `deepsort-reid crop` beside the identity folders
MANIFEST_COLUMNS = ("file", "identity", "sequence", "frame", "track", "x", "y", "w", "h")
MORE_COLUMNS = ("visibility", "occluded")
JUNK = "-1"  # Market-1501: bad detection; ignored in the evaluation
DISTRACTOR = "0000"  # Market-1501: belongs to no query; always an incorrect match
MIN_IMAGE_SIDE = 8  # pixels; smaller images are not usable
MARKET_FOLDERS = ("bounding_box_train", "bounding_box_test", "query")

_MARKET_NAME = re.compile(r"(-1|\d+)_c(\d+)(?:s(\d+))?_(\d+)")


@dataclass(frozen=True)
class Sample:
    """Image of one identity.

    `identity` and `track` are empty, `camera` and `frame` are -1 where unknown.
    """

    path: Path
    identity: str
    camera: int = -1
    frame: int = -1
    track: str = ""  # images of one track in one recording are nearly equal

    @property
    def is_junk_or_distractor(self) -> bool:
        """Whether this is a junk or distractor image of Market-1501.

        In other datasets, which have no cameras, an identity may have the same name.
        """
        return self.camera >= 0 and self.identity in (JUNK, DISTRACTOR)


def read_identity_folders(folder: Path | str) -> list[Sample]:
    """Samples of a folder with one folder of images for each identity, sorted by name.

    A `manifest.csv` written by `deepsort-reid crop` adds the frame and the track of each image.

    Raises FileNotFoundError for a missing folder, ValueError for one without images and for a
    manifest that cannot be parsed.
    """
    folder = _existing_folder(folder)
    manifest = _read_manifest(folder / MANIFEST)
    samples = []
    for identity in sorted(entry for entry in folder.iterdir() if entry.is_dir()):
        for path in sorted(iter_image_files(identity)):
            frame, track = manifest.get(path.relative_to(folder).as_posix(), (-1, ""))
            samples.append(Sample(path, identity.name, frame=frame, track=track))
    if not samples:
        raise ValueError(f"{folder}: expected one folder of images per identity, found no image")
    return samples


def read_market1501(folder: Path | str) -> list[Sample]:
    """Samples of a folder with Market-1501 file names, `0002_c1s1_000451_03.jpg`, sorted by name.

    Zheng et al. 2015. The identity is kept as written: "-1" is junk, "0000" a distractor.

    Raises FileNotFoundError for a missing folder, ValueError for one without images and for other
    file names.
    """
    folder = _existing_folder(folder)
    samples = []
    for path in sorted(iter_image_files(folder)):
        match = _MARKET_NAME.match(path.name)
        if match is None:
            raise ValueError(
                f"{path}: expected a Market-1501 file name like 0002_c1s1_000451_03.jpg; put "
                "images with other names into one folder per identity"
            )
        identity, camera, recording, frame = match.groups()
        track = f"{identity}_c{camera}s{recording or 0}"
        samples.append(Sample(path, identity, int(camera), int(frame), track))
    if not samples:
        raise ValueError(f"{folder}: expected images with Market-1501 names, found no image")
    return samples


def read_dataset(path: Path | str) -> list[Sample]:
    """Samples of a dataset in any of the supported layouts.

    path: root of Market-1501 (its training set is read), a folder with Market-1501 file names, or a
    folder of identity folders. Raises FileNotFoundError and ValueError as the readers of these
    layouts, and ValueError for MOT sequences, which must be cropped first.
    """
    folder = _existing_folder(path)
    _reject_sequences(folder)
    if (folder / MARKET_FOLDERS[0]).is_dir():
        return read_market1501(folder / MARKET_FOLDERS[0])
    has_identity_folders = any(
        has_image_file(entry) for entry in folder.iterdir() if entry.is_dir()
    )
    if has_image_file(folder) and not has_identity_folders:
        return read_market1501(folder)
    return read_identity_folders(folder)


def read_unlabelled(path: Path | str) -> list[Sample]:
    """Samples of unknown people: all images in a folder and its subfolders, sorted by name.

    A `manifest.csv` written by `deepsort-reid crop` adds the frame and the track of each image.

    Raises FileNotFoundError for a missing folder, ValueError for one without images, for a manifest
    that cannot be parsed, and for MOT sequences, which must be cropped first.
    """
    folder = _existing_folder(path)
    _reject_sequences(folder)
    manifest = _read_manifest(folder / MANIFEST)
    samples = []
    for place in (folder, *sorted(entry for entry in folder.rglob("*") if entry.is_dir())):
        for image in list_image_files(place):
            frame, track = manifest.get(image.relative_to(folder).as_posix(), (-1, ""))
            samples.append(Sample(image, "", frame=frame, track=track))
    if not samples:
        raise ValueError(f"{folder}: expected images of people, found no image")
    return samples


def read_crop(path: Path | str) -> Frame:
    """Read the image of a sample as BGR uint8 (H, W, 3).

    Raises ValueError that names the file when it is missing, empty, truncated, not an image, or
    less than MIN_IMAGE_SIDE pixels wide or high.
    """
    try:
        image = read_image(path, reject_truncated=True)
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror})") from error
    height, width = image.shape[:2]
    if min(height, width) < MIN_IMAGE_SIDE:
        raise ValueError(
            f"{path}: expected at least {MIN_IMAGE_SIDE} px a side, got {width}x{height} px"
        )
    return image


def load_images(
    samples: Sequence[Sample], height: int, width: int
) -> tuple[NDArray[np.uint8], list[Sample], list[str]]:
    """Load images at one size.

    Returns the images (N, height, width, 3) RGB uint8, their samples in the given order, and one
    message "path: reason" for each image that cannot be used and is skipped.
    """

    def load(sample: Sample) -> NDArray[np.uint8] | str:
        try:
            image = read_crop(sample.path)
        except ValueError as error:
            return str(error)
        # Resized as in `Embedder`: training and inference must see the same pixels.
        return resize_crop(image, (height, width))[..., ::-1]

    images = np.empty((len(samples), height, width, 3), np.uint8)
    kept: list[Sample] = []
    problems: list[str] = []
    with ThreadPoolExecutor(max_workers=4) as pool:
        for sample, loaded in zip(samples, pool.map(load, samples), strict=True):
            if isinstance(loaded, str):
                problems.append(loaded)
            else:
                images[len(kept)] = loaded
                kept.append(sample)
    return images[: len(kept)], kept, problems


def _existing_folder(path: Path | str) -> Path:
    folder = Path(path)
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: expected a folder of images, found none")
    return folder


def _reject_sequences(folder: Path) -> None:
    """Raise ValueError when the folder is or has a MOT sequence: its images are whole frames."""
    for place in (folder, *sorted(entry for entry in folder.iterdir() if entry.is_dir())):
        if (place / "img1").is_dir() or (place / "gt" / "gt.txt").is_file():
            raise ValueError(
                f"{place}: a MOT sequence: run `deepsort-reid crop {place} --out CROPS` first, "
                "and give CROPS"
            )


def _read_manifest(path: Path) -> dict[str, tuple[int, str]]:
    """File -> (frame, track) of a manifest; empty without a manifest."""
    if not path.is_file():
        return {}
    entries: dict[str, tuple[int, str]] = {}
    for line, row in read_rows(path, MANIFEST_COLUMNS, MORE_COLUMNS):
        try:
            frame = int(row["frame"])
        except ValueError as error:
            raise ValueError(
                f"{path}:{line}: expected an integer frame number, got {row['frame']!r:.40}"
            ) from error
        sequence = original_cell(row["sequence"])
        entries[original_cell(row["file"])] = frame, f"{sequence}/{row['track']}"
    return entries
