"""Cut labelled people out of a video into identity folders with a manifest."""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from deepsort_reid.reid.data.datasets import (
    MANIFEST,
    MANIFEST_COLUMNS,
    MIN_IMAGE_SIDE,
    add_noise_occlusion,
)
from deepsort_reid.structures import boxes
from deepsort_reid.structures.frame import Frame
from deepsort_reid.structures.mot_rows import MotRows
from deepsort_reid.vision.crops import crop_corners, resize_crop

PEDESTRIAN = (1, -1)  # class 1 of MOT16 to MOT20; -1 where the labels know no classes


@dataclass(frozen=True, kw_only=True)
class CropConfig:
    """Which boxes become crops, and what the crops look like."""

    height: int = 384  # pixels of a crop
    width: int = 192  # pixels of a crop
    min_visibility: float = 0.3  # share of the box that nothing hides, in [0, 1]
    min_height: float = 32.0  # pixels of the labelled box
    margin: float = 0.0  # share of the box added on each side
    every: int = 1  # of the frames
    noise_occlusion: bool = False  # write a copy with three rectangles of noise beside each crop
    seed: int = 0  # of the noise

    def __post_init__(self) -> None:
        if min(self.height, self.width) < MIN_IMAGE_SIDE:
            raise ValueError(
                f"crops need at least {MIN_IMAGE_SIDE} px a side, got {self.height}x{self.width}"
            )
        if not 0 <= self.min_visibility <= 1:
            raise ValueError(f"min_visibility must be in [0, 1], got {self.min_visibility}")
        if not (self.margin >= 0 and self.min_height >= 0 and self.every >= 1):
            raise ValueError(f"expected margin >= 0, min_height >= 0, every >= 1, got {self}")


@dataclass(frozen=True)
class CropCounts:
    """What became of the labelled boxes of the frames that were looked at."""

    written: int = 0
    low_visibility: int = 0  # below the least visibility
    too_small: int = 0  # below the least height, or nearly nothing inside the frame
    identities: frozenset[str] = field(default_factory=frozenset)

    def __add__(self, other: "CropCounts") -> "CropCounts":
        return CropCounts(
            self.written + other.written,
            self.low_visibility + other.low_visibility,
            self.too_small + other.too_small,
            self.identities | other.identities,
        )


def select_pedestrians(rows: MotRows) -> MotRows:
    """Ground truth rows that are pedestrians and meant to be considered."""
    return rows[np.isin(rows.class_id, PEDESTRIAN) & (rows.score > 0)]


def extract_crops(
    frames: Iterable[tuple[int, Frame]],
    truth: MotRows,
    sequence: str,
    folder: Path | str,
    config: CropConfig | None = None,
) -> CropCounts:
    """Write every person of `truth` in `frames` below `folder`, and add them to its manifest.

    frames: (number from 1, BGR uint8 (H, W, 3)), as `Video.iter_frames` yields. The folder of a
    person is SEQUENCE_ID, the files are SEQUENCE_ID_FRAME.jpg, with `_occluded` at the end for a
    synthetically occluded copy. `truth` is not filtered here: see `select_pedestrians`. The
    manifest also holds what was written before an error.

    Raises ValueError when the labels go on after the last frame.
    """
    config = config or CropConfig()
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    counts = CropCounts()
    last = 0
    with _Manifest(folder / MANIFEST) as manifest:
        for last, frame in frames:
            if (last - 1) % config.every:
                continue
            here = truth[truth.frame == last]
            for row, crop, visibility in _crops_of(frame, here, config):
                if crop is None:
                    hidden = visibility < config.min_visibility
                    counts += CropCounts(low_visibility=int(hidden), too_small=int(not hidden))
                    continue
                person = f"{sequence}_{here.id[row]:04d}"
                entry = _Entry(
                    person, sequence, last, int(here.id[row]), here.xyxy[row], visibility
                )
                manifest.add(_write(folder, entry, crop), entry)
                counts += CropCounts(written=1, identities=frozenset((person,)))
                if config.noise_occlusion:
                    rng = np.random.default_rng((config.seed, last, abs(int(here.id[row]))))
                    noisy = replace(entry, occluded=True)
                    manifest.add(_write(folder, noisy, add_noise_occlusion(crop, rng)), noisy)
    beyond = int(truth.frame.max(initial=0))
    if beyond > last:
        raise ValueError(
            f"{sequence}: the labels go to frame {beyond} but the video ends after {last}: "
            "give the whole video, or stop at its last frame"
        )
    return counts


def estimate_visibility(xyxy: NDArray[np.float64], width: int, height: int) -> NDArray[np.float64]:
    """An estimate of the visible share of boxes (N, 4) -> (N,), for labels that do not tell it.

    Counted on a grid of 16 x 16 points: a point is hidden outside the frame and inside the box of
    somebody who stands nearer, that is, whose feet are lower in the picture.
    """
    share = (np.arange(16) + 0.5) / 16
    x = xyxy[:, None, 0] + share * (xyxy[:, None, 2] - xyxy[:, None, 0])  # (N, 16)
    y = xyxy[:, None, 1] + share * (xyxy[:, None, 3] - xyxy[:, None, 1])
    seen = ((y >= 0) & (y < height))[:, :, None] & ((x >= 0) & (x < width))[:, None, :]
    for row in range(len(xyxy)):
        for left, top, right, bottom in xyxy[xyxy[:, 3] > xyxy[row, 3]]:
            inside_y = (y[row] >= top) & (y[row] < bottom)
            inside_x = (x[row] >= left) & (x[row] < right)
            seen[row] &= ~(inside_y[:, None] & inside_x[None, :])
    return np.asarray(seen.mean(axis=(1, 2)))


def occlusion_preview(folder: Path | str, pairs: int = 10) -> NDArray[np.uint8]:
    """Montage (H, W, 3) BGR uint8: crops above, their occluded copies below, spread evenly."""
    noisy = sorted(Path(folder).glob("*/*_occluded.jpg"))
    if not noisy:
        raise ValueError(f"no occluded copies below {folder}: crop with occlusion first")
    chosen = [noisy[i] for i in np.linspace(0, len(noisy) - 1, min(pairs, len(noisy))).astype(int)]
    columns = []
    for path in chosen:
        original = path.with_name(path.name.replace("_occluded", ""))
        tiles = [cv2.imdecode(np.fromfile(p, np.uint8), cv2.IMREAD_COLOR) for p in (original, path)]
        columns.append(np.vstack([resize_crop(np.asarray(t, np.uint8), (192, 96)) for t in tiles]))
    return np.asarray(np.hstack(columns), np.uint8)


@dataclass(frozen=True, eq=False)
class _Entry:
    """What the manifest says of one file."""

    identity: str
    sequence: str
    frame: int
    track: int
    xyxy: NDArray[np.float64]
    visibility: float
    occluded: bool = False


class _Manifest:
    """Appends to a CSV file; writes the header where the file is new."""

    def __init__(self, path: Path) -> None:
        is_new = not path.exists()
        self._file = path.open("a", newline="", encoding="utf-8")
        self._writer = csv.writer(self._file)
        if is_new:
            self._writer.writerow((*MANIFEST_COLUMNS, "visibility", "occluded"))

    def add(self, file: str, entry: _Entry) -> None:
        tlwh = boxes.xyxy_to_tlwh(entry.xyxy[None])[0]
        where = (file, entry.identity, entry.sequence, entry.frame, entry.track)
        box = (f"{number:.10g}" for number in tlwh)
        self._writer.writerow((*where, *box, f"{entry.visibility:.3f}", int(entry.occluded)))

    def __enter__(self) -> "_Manifest":
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()


def _crops_of(
    frame: Frame, rows: MotRows, config: CropConfig
) -> Iterator[tuple[int, Frame | None, float]]:
    """Row, its crop (None when it is left out) and its visibility, for the rows of one frame."""
    height, width = frame.shape[:2]
    visibility = rows.visibility.copy()
    unknown = np.isnan(visibility)
    if unknown.any():
        visibility[unknown] = estimate_visibility(rows.xyxy, width, height)[unknown]
    extent = rows.xyxy[:, 2:] - rows.xyxy[:, :2]
    grown = rows.xyxy + np.concatenate([-extent, extent], axis=1) * config.margin
    corners, touches = crop_corners(grown, width, height)
    for row, (left, top, right, bottom) in enumerate(corners.tolist()):
        fits = touches[row] and min(right - left, bottom - top) >= MIN_IMAGE_SIDE
        tall = extent[row, 1] >= config.min_height
        if not (fits and tall and visibility[row] >= config.min_visibility):
            yield row, None, float(visibility[row])
            continue
        crop = resize_crop(frame[top:bottom, left:right], (config.height, config.width))
        yield row, crop, float(visibility[row])


def _write(folder: Path, entry: _Entry, crop: Frame) -> str:
    """Write one crop; its path relative to `folder`."""
    end = "_occluded" if entry.occluded else ""
    name = f"{entry.identity}/{entry.identity}_{entry.frame:06d}{end}.jpg"
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    encoded = cv2.imencode(".jpg", crop, [cv2.IMWRITE_JPEG_QUALITY, 95])[1]
    path.write_bytes(encoded.tobytes())
    return name
