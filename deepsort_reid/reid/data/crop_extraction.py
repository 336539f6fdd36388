"""Extraction of labelled people from video frames into identity folders with a manifest."""

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from deepsort_reid.io.appended_file import AppendedFile
from deepsort_reid.io.images import read_image
from deepsort_reid.io.text_cells import safe_cell
from deepsort_reid.reid.data.datasets import (
    MANIFEST,
    MANIFEST_COLUMNS,
    MIN_IMAGE_SIDE,
    MORE_COLUMNS,
)
from deepsort_reid.reid.data.occlusion import add_noise_occlusion
from deepsort_reid.structures import boxes
from deepsort_reid.structures.frame import Frame
from deepsort_reid.structures.mot_rows import MotRows
from deepsort_reid.vision.crops import crop_corners, resize_crop

PEDESTRIAN = (1, -1)  # class 1 of MOT16 to MOT20; -1 where the labels have no class


@dataclass(frozen=True, kw_only=True)
class CropConfig:
    """Selection of labelled boxes and size of the crops; checked on construction."""

    height: int = 384  # pixels of a crop
    width: int = 192  # pixels of a crop
    min_visibility: float = 0.3  # visible fraction of the box, in [0, 1]
    min_height: float = 32.0  # pixels of the labelled box
    margin: float = 0.0  # fraction of the box added on each side
    every: int = 1  # take every Nth frame
    noise_occlusion: bool = False  # add a copy with three rectangles of noise for each crop
    seed: int = 0  # of the noise

    def __post_init__(self) -> None:
        if min(self.height, self.width) < MIN_IMAGE_SIDE:
            raise ValueError(
                f"crop size: expected at least {MIN_IMAGE_SIDE} px a side, "
                f"got {self.height}x{self.width}"
            )
        if not 0 <= self.min_visibility <= 1:
            raise ValueError(
                f"min_visibility: expected a number in [0, 1], got {self.min_visibility}"
            )
        if not (self.margin >= 0 and self.min_height >= 0 and self.every >= 1):
            raise ValueError(f"expected margin >= 0, min_height >= 0, every >= 1, got {self}")


@dataclass(frozen=True)
class CropCounts:
    """Number of labelled boxes that were written and skipped in the processed frames."""

    written: int = 0
    low_visibility: int = 0  # skipped: less visible than `min_visibility`
    too_small: int = 0  # skipped: lower than `min_height`, or nearly outside the frame
    identities: frozenset[str] = field(default_factory=frozenset)

    def __add__(self, other: "CropCounts") -> "CropCounts":
        return CropCounts(
            self.written + other.written,
            self.low_visibility + other.low_visibility,
            self.too_small + other.too_small,
            self.identities | other.identities,
        )


def select_pedestrians(rows: MotRows) -> MotRows:
    """Ground truth rows of pedestrians that are marked for evaluation (score above 0)."""
    return rows[np.isin(rows.class_id, PEDESTRIAN) & (rows.score > 0)]


def extract_crops(
    frames: Iterable[tuple[int, Frame]],
    truth: MotRows,
    sequence: str,
    folder: Path | str,
    config: CropConfig | None = None,
    on_frame: Callable[[int, CropCounts], None] | None = None,
) -> CropCounts:
    """Write the labelled boxes of `frames` as crops below `folder` and append to its manifest.

    frames: pairs of frame number, from 1, and BGR uint8 (H, W, 3). truth: the boxes; not filtered
    here, see `select_pedestrians`. Folders are named SEQUENCE_ID, files SEQUENCE_ID_FRAME.jpg, with
    the suffix `_occluded` for a synthetically occluded copy. on_frame: called with the number of
    each frame and the counts so far, when its crops and their manifest entries are in their files.

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
            rows = truth[truth.frame == last]
            counts += _extract_frame(frame, last, rows, sequence, folder, manifest, config)
            manifest.flush()
            if on_frame is not None:
                on_frame(last, counts)
    last_label = int(truth.frame.max(initial=0))
    if last_label > last:
        raise ValueError(
            f"{sequence}: the labels go to frame {last_label} but the video ends after {last}: "
            "give the whole video, or stop at its last frame"
        )
    return counts


def estimate_visibility(xyxy: NDArray[np.float64], width: int, height: int) -> NDArray[np.float64]:
    """Estimated visible fraction of boxes (M, 4) -> (M,), for labels without visibility.

    width, height: of the frame in pixels. A grid of 16 x 16 points of each box is tested: a point
    is hidden outside the frame and inside a box with a lower bottom edge, which is closer to the
    camera.
    """
    offset = (np.arange(16) + 0.5) / 16
    x = xyxy[:, None, 0] + offset * (xyxy[:, None, 2] - xyxy[:, None, 0])  # (M, 16)
    y = xyxy[:, None, 1] + offset * (xyxy[:, None, 3] - xyxy[:, None, 1])
    visible = ((y >= 0) & (y < height))[:, :, None] & ((x >= 0) & (x < width))[:, None, :]
    for row in range(len(xyxy)):
        for left, top, right, bottom in xyxy[xyxy[:, 3] > xyxy[row, 3]]:
            inside_y = (y[row] >= top) & (y[row] < bottom)
            inside_x = (x[row] >= left) & (x[row] < right)
            visible[row] &= ~(inside_y[:, None] & inside_x[None, :])
    return np.asarray(visible.mean(axis=(1, 2)))


def occlusion_preview(folder: Path | str, pairs: int = 10) -> NDArray[np.uint8]:
    """Montage (H, W, 3) BGR uint8: evenly spaced crops above, their occluded copies below.

    Raises ValueError when there is no occluded copy below `folder`.
    """
    occluded = sorted(Path(folder).glob("*/*_occluded.jpg"))
    if not occluded:
        raise ValueError(
            f"{folder}: expected occluded copies of crops, found none; extract them with noise "
            "occlusion first"
        )
    count = min(pairs, len(occluded))
    columns = []
    for row in np.linspace(0, len(occluded) - 1, count).astype(int):
        path = occluded[row]
        original = path.with_name(path.name.replace("_occluded", ""))
        tiles = [resize_crop(read_image(each), (192, 96)) for each in (original, path)]
        columns.append(np.vstack(tiles))
    return np.asarray(np.hstack(columns), np.uint8)


@dataclass(frozen=True, eq=False)
class _Entry:
    """Manifest entry of one file."""

    identity: str
    sequence: str
    frame: int
    track: int
    xyxy: NDArray[np.float64]
    visibility: float
    occluded: bool = False


class _Manifest:
    """CSV file that entries are appended to, frame by frame; a new file gets a header."""

    def __init__(self, path: Path) -> None:
        is_new = not path.exists()
        self._file = AppendedFile(path, None if is_new else path.stat().st_size)
        self._rows = io.StringIO(newline="")
        self._writer = csv.writer(self._rows)
        if is_new:
            self._writer.writerow((*MANIFEST_COLUMNS, *MORE_COLUMNS))
            self.flush()

    def flush(self) -> None:
        """Write the entries that were added."""
        self._file.append(self._rows.getvalue())
        self._rows.seek(0)
        self._rows.truncate()

    def add(self, file: str, entry: _Entry) -> None:
        tlwh = boxes.xyxy_to_tlwh(entry.xyxy[None])[0]
        names = map(safe_cell, (file, entry.identity, entry.sequence))
        source = (*names, entry.frame, entry.track)
        box = (f"{number:.10g}" for number in tlwh)
        self._writer.writerow((*source, *box, f"{entry.visibility:.3f}", int(entry.occluded)))

    def __enter__(self) -> "_Manifest":
        return self

    def __exit__(self, *error: object) -> None:
        # The crops of a frame that was not completed are in their files already.
        self.flush()
        self._file.close()


def _extract_frame(
    frame: Frame,
    number: int,
    rows: MotRows,
    sequence: str,
    folder: Path,
    manifest: _Manifest,
    config: CropConfig,
) -> CropCounts:
    """Write the crops of one frame; `rows` are the labels of this frame."""
    counts = CropCounts()
    for row, crop, visibility in _crops_of(frame, rows, config):
        if crop is None:
            hidden = visibility < config.min_visibility
            counts += CropCounts(low_visibility=int(hidden), too_small=int(not hidden))
            continue
        track = int(rows.id[row])
        identity = f"{sequence}_{track:04d}"
        entry = _Entry(identity, sequence, number, track, rows.xyxy[row], visibility)
        manifest.add(_write_crop(folder, entry, crop), entry)
        counts += CropCounts(written=1, identities=frozenset((identity,)))
        if config.noise_occlusion:
            rng = np.random.default_rng((config.seed, number, abs(track)))
            occluded = replace(entry, occluded=True)
            copy = add_noise_occlusion(crop, rng)
            manifest.add(_write_crop(folder, occluded, copy), occluded)
    return counts


def _crops_of(
    frame: Frame, rows: MotRows, config: CropConfig
) -> Iterator[tuple[int, Frame | None, float]]:
    """Yield the row, its crop (None where it is skipped) and its visibility, for one frame."""
    height, width = frame.shape[:2]
    visibility = rows.visibility.copy()
    unknown = np.isnan(visibility)
    if unknown.any():
        visibility[unknown] = estimate_visibility(rows.xyxy, width, height)[unknown]
    size = rows.xyxy[:, 2:] - rows.xyxy[:, :2]
    enlarged = rows.xyxy + np.concatenate([-size, size], axis=1) * config.margin
    corners, inside = crop_corners(enlarged, width, height)
    for row, (left, top, right, bottom) in enumerate(corners.tolist()):
        fits = inside[row] and min(right - left, bottom - top) >= MIN_IMAGE_SIDE
        tall = size[row, 1] >= config.min_height
        if not (fits and tall and visibility[row] >= config.min_visibility):
            yield row, None, float(visibility[row])
            continue
        crop = resize_crop(frame[top:bottom, left:right], (config.height, config.width))
        yield row, crop, float(visibility[row])


def _write_crop(folder: Path, entry: _Entry, crop: Frame) -> str:
    """Write one crop and return its path relative to `folder`."""
    suffix = "_occluded" if entry.occluded else ""
    name = f"{entry.identity}/{entry.identity}_{entry.frame:06d}{suffix}.jpg"
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    encoded = cv2.imencode(".jpg", crop, [cv2.IMWRITE_JPEG_QUALITY, 95])[1]
    path.write_bytes(encoded.tobytes())
    return name
