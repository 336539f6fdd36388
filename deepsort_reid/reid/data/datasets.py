"""Pictures of people with their labels: read folders, split without leaks, load pixels, occlude."""

import csv
import re
import warnings
from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.io.file_types import has_image_file, iter_image_files
from deepsort_reid.io.images import read_image
from deepsort_reid.structures.frame import Frame
from deepsort_reid.vision.crops import resize_crop

MANIFEST = "manifest.csv"  # written by `crop` at the top of its identity folders
MANIFEST_COLUMNS = ("file", "identity", "sequence", "frame", "track", "x", "y", "w", "h")
JUNK = "-1"  # Market-1501: a bad box; neither right nor wrong as an answer
DISTRACTOR = "0000"  # Market-1501: nobody who is ever asked for; always a wrong answer
MIN_IMAGE_SIDE = 8  # pixels; nothing can be recognised in less
MARKET_FOLDERS = ("bounding_box_train", "bounding_box_test", "query")

_MARKET_NAME = re.compile(r"(-1|\d+)_c(\d+)(?:s(\d+))?_(\d+)")


@dataclass(frozen=True)
class Sample:
    """One picture of one person; `camera` and `frame` are -1 and `track` is empty where unknown."""

    path: Path
    identity: str
    camera: int = -1
    frame: int = -1
    track: str = ""  # pictures of one track in one recording show nearly the same thing


def read_identity_folders(folder: Path | str) -> list[Sample]:
    """Samples of a folder that holds one folder of pictures per person, in order of name.

    A `manifest.csv` written by `deepsort-reid crop` adds the frame and the track of its pictures.
    """
    folder = _existing_folder(folder)
    manifest = _read_manifest(folder / MANIFEST)
    samples = []
    for person in sorted(entry for entry in folder.iterdir() if entry.is_dir()):
        for path in sorted(iter_image_files(person)):
            frame, track = manifest.get(path.relative_to(folder).as_posix(), (-1, ""))
            samples.append(Sample(path, person.name, frame=frame, track=track))
    if not samples:
        raise ValueError(f"expected one folder of images per person in {folder}, found no image")
    return samples


def read_market1501(folder: Path | str) -> list[Sample]:
    """Samples of one folder named as in Market-1501: `0002_c1s1_000451_03.jpg`, in order of name.

    Zheng et al. 2015. The identity stays as it is written: "-1" is junk, "0000" a distractor.
    """
    folder = _existing_folder(folder)
    samples = []
    for path in sorted(iter_image_files(folder)):
        match = _MARKET_NAME.match(path.name)
        if match is None:
            raise ValueError(
                f"expected a Market-1501 name like 0002_c1s1_000451_03.jpg, got {path}; "
                "for other names put the images into one folder per person"
            )
        identity, camera, recording, frame = match.groups()
        track = f"{identity}_c{camera}s{recording or 0}"
        samples.append(Sample(path, identity, int(camera), int(frame), track))
    if not samples:
        raise ValueError(f"expected images named as in Market-1501 in {folder}, found no image")
    return samples


def read_dataset(path: Path | str) -> list[Sample]:
    """Samples to learn from, whatever the layout.

    `path` may be the root of Market-1501 (its training people are read), one folder with
    Market-1501 names, or a folder of identity folders. Raises ValueError for MOT sequences, whose
    people have yet to be cropped.
    """
    folder = _existing_folder(path)
    for place in (folder, *sorted(entry for entry in folder.iterdir() if entry.is_dir())):
        if (place / "img1").is_dir() or (place / "gt" / "gt.txt").is_file():
            raise ValueError(
                f"{place}: a MOT sequence: run `deepsort-reid crop {place} --out CROPS` first, "
                "and give CROPS"
            )
    if (folder / MARKET_FOLDERS[0]).is_dir():
        return read_market1501(folder / MARKET_FOLDERS[0])
    has_identity_folders = any(has_image_file(entry) for entry in folder.iterdir())
    if has_image_file(folder) and not has_identity_folders:
        return read_market1501(folder)
    return read_identity_folders(folder)


def split_by_identity(
    samples: Sequence[Sample], validation_share: float = 0.2, *, seed: int = 0
) -> tuple[list[Sample], list[Sample]]:
    """Training and validation samples that have no person in common.

    `validation_share` is the share of people that goes to validation; both sides get two at least,
    because one person alone cannot be taken for another. Raises ValueError with less than four.
    """
    _check_share(validation_share)
    people = sorted({sample.identity for sample in samples})
    if len(people) < 4:
        raise ValueError(
            "a split by identity needs at least 4 people, 2 to learn from and 2 to validate with, "
            f"got {len(people)}: take --split time (crops with a manifest) or --split none"
        )
    count = min(max(round(validation_share * len(people)), 2), len(people) - 2)
    chosen = np.random.default_rng(seed).permutation(len(people))[:count]
    held_out = {people[row] for row in chosen}
    return _partition(samples, lambda sample: sample.identity in held_out)


def split_by_time(
    samples: Sequence[Sample], validation_share: float = 0.2, *, gap: int = 50, seed: int = 0
) -> tuple[list[Sample], list[Sample]]:
    """Training and validation samples more than `gap` frames apart wherever they share a track.

    The beginning or the end of each track goes to validation and the frames within `gap` of it go
    to neither side. A track too short for that goes to training whole. Without a track name the
    pictures of one person in one camera count as one track.
    """
    _check_share(validation_share)
    if gap < 0:
        raise ValueError(f"the gap must be 0 frames or more, got {gap}")
    tracks: dict[Hashable, list[Sample]] = defaultdict(list)
    for sample in samples:
        if sample.frame < 0:
            raise ValueError(
                f"a split by time needs the frame of every picture, {sample.path} has none; "
                "use crops with a manifest or split by identity"
            )
        tracks[sample.track or (sample.identity, sample.camera)].append(sample)
    rng = np.random.default_rng(seed)
    held_out: set[Path] = set()
    dropped: set[Path] = set()
    for track in tracks.values():
        at_end = bool(rng.random() < 0.5)
        chosen, between = _cut_track(track, validation_share, gap, at_end)
        held_out |= chosen
        dropped |= between
    kept = [sample for sample in samples if sample.path not in dropped]
    return _partition(kept, lambda sample: sample.path in held_out)


def split_by_image(
    samples: Sequence[Sample], validation_share: float = 0.1, *, seed: int = 0
) -> tuple[list[Sample], list[Sample]]:
    """Training and validation samples drawn picture by picture; warns, because this leaks.

    Neighbouring frames of one person land on both sides, so validation measures memory.
    """
    _check_share(validation_share)
    warnings.warn(
        "a split by image puts neighbouring frames of one person on both sides and overstates "
        "every score; split by identity or by time instead",
        UserWarning,
        stacklevel=2,
    )
    chosen = np.random.default_rng(seed).permutation(len(samples))
    held_out = {samples[row].path for row in chosen[: round(validation_share * len(samples))]}
    return _partition(samples, lambda sample: sample.path in held_out)


def read_crop(path: Path | str) -> Frame:
    """Read an image of one person as BGR uint8 (H, W, 3).

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
            f"{path}: {width}x{height} px is too small, need {MIN_IMAGE_SIDE} px a side"
        )
    return image


def load_images(
    samples: Sequence[Sample], height: int, width: int
) -> tuple[NDArray[np.uint8], list[Sample], list[str]]:
    """Pictures at one size: (N, height, width, 3) RGB uint8, their samples, and the problems.

    A picture that cannot be used is left out and told as "path: why"; the rest keeps its order.
    """

    def load(sample: Sample) -> NDArray[np.uint8] | str:
        try:
            image = read_crop(sample.path)
        except ValueError as error:
            return str(error)
        # As the embedder does it: a network must not learn from other pixels than it will see.
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


def occlusion_boxes(
    height: int,
    width: int,
    rng: np.random.Generator,
    *,
    count: int = 3,
    area: tuple[float, float] = (0.04, 0.15),
    ratio: tuple[float, float] = (1 / 3, 1.0),
) -> NDArray[np.int64]:
    """Random rectangles inside a (height, width) picture: rows of (left, top, right, bottom).

    Each covers a share of the picture drawn from `area`; short side : long side is drawn from
    `ratio` and the long side stands up or lies down by chance where the picture is wide enough.
    """
    boxes = np.empty((count, 4), np.int64)
    for row in range(count):
        pixels = rng.uniform(*area) * height * width
        sides = rng.uniform(*ratio)
        long, short = np.sqrt(pixels / sides), np.sqrt(pixels * sides)
        lies = rng.random() < 0.5
        if (lies and long > width) or (not lies and long > height):
            lies = not lies
        w, h = (long, short) if lies else (short, long)
        w, h = min(max(round(w), 1), width), min(max(round(h), 1), height)
        left, top = rng.integers(width - w + 1), rng.integers(height - h + 1)
        boxes[row] = left, top, left + w, top + h
    return boxes


def add_noise_occlusion(
    image: NDArray[np.uint8],
    rng: np.random.Generator,
    *,
    count: int = 3,
    area: tuple[float, float] = (0.04, 0.15),
    ratio: tuple[float, float] = (1 / 3, 1.0),
) -> NDArray[np.uint8]:
    """A copy of `image` (H, W, 3) uint8 with `count` rectangles of uniform random noise.

    Sizes as in `occlusion_boxes`; rectangles may overlap.
    """
    height, width = image.shape[:2]
    occluded = image.copy()
    for left, top, right, bottom in occlusion_boxes(
        height, width, rng, count=count, area=area, ratio=ratio
    ):
        shape = (bottom - top, right - left, image.shape[2])
        occluded[top:bottom, left:right] = rng.integers(0, 256, shape, np.uint8)
    return occluded


def _existing_folder(path: Path | str) -> Path:
    folder = Path(path)
    if not folder.is_dir():
        raise FileNotFoundError(f"expected a folder of images, {folder} is not one")
    return folder


def _read_manifest(path: Path) -> dict[str, tuple[int, str]]:
    """File -> (frame, track) of a manifest; empty where there is none."""
    if not path.is_file():
        return {}
    found: dict[str, tuple[int, str]] = {}
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        missing = set(MANIFEST_COLUMNS) - set(reader.fieldnames or ())
        if missing:
            raise ValueError(f"{path}:1: expected the columns {MANIFEST_COLUMNS}, no {missing}")
        for row in reader:
            try:
                found[row["file"]] = int(row["frame"]), f"{row['sequence']}/{row['track']}"
            except (TypeError, ValueError) as error:
                raise ValueError(
                    f"{path}:{reader.line_num}: expected a whole frame number, got {row['frame']!r}"
                ) from error
    return found


def _check_share(share: float) -> None:
    if not 0 < share < 1:
        raise ValueError(f"the validation share must lie between 0 and 1, got {share}")


def _partition(
    samples: Sequence[Sample], is_validation: Callable[[Sample], bool]
) -> tuple[list[Sample], list[Sample]]:
    train: list[Sample] = []
    validation: list[Sample] = []
    for sample in samples:
        (validation if is_validation(sample) else train).append(sample)
    return train, validation


def _cut_track(
    track: Sequence[Sample], share: float, gap: int, at_end: bool
) -> tuple[set[Path], set[Path]]:
    """Paths of one track for validation, and those between that belong to neither side."""
    count = round(share * len(track))
    ordered = sorted(track, key=lambda sample: sample.frame, reverse=at_end)
    if count == 0:
        return set(), set()
    border = ordered[count - 1].frame
    # Several pictures may share the border frame (an occluded copy): they stay together.
    chosen = {s.path for s in track if (s.frame >= border if at_end else s.frame <= border)}
    between = {s.path for s in track if s.path not in chosen and abs(s.frame - border) <= gap}
    if len(chosen) + len(between) == len(track):
        return set(), set()
    return chosen, between
