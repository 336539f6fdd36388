"""Benchmark inputs: detections, ground truth, frames and camera motion of each sequence.

Detections, and OSNet embeddings for the sequences with frames, come from `inputs/*.npz` in the data
folder; all trackers are measured on them. Each sequence is read once per process.
"""

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.io.mot import read_ground_truth
from deepsort_reid.io.mot_sequences import read_sequence
from deepsort_reid.structures.detections import Detections
from deepsort_reid.structures.mot_rows import MotRows

FRAMES = ("PETS09-S2L1", "TUD-Campus", "TUD-Stadtmitte", "MOT16-09")
TEXT = ("MOT17-02", "MOT17-05", "MOT17-09", "MOT17-10")
# Group -> names of its inputs (files of inputs/ without .npz).
GROUPS = {
    "frames+public": tuple(f"{name}-public" for name in FRAMES),
    "frames+yolox": tuple(f"{name}-yolox" for name in FRAMES),
    "MOT17-SDP": tuple(f"{name}-SDP" for name in TEXT),
    "MOT17-DPM": tuple(f"{name}-DPM" for name in TEXT),
}
GROUPS_WITH_EMBEDDINGS = ("frames+public", "frames+yolox")


@dataclass(frozen=True, eq=False)
class Input:
    """One sequence with the detections that every tracker receives."""

    name: str  # name of the npz file: sequence and detector
    folder: Path  # MOT sequence
    truth: MotRows
    protocol: str  # "plain" (MOT15) or "mot16" (pedestrian protocol, distractors removed)
    detections: tuple[Detections, ...]  # frame 1 first

    @property
    def length(self) -> int:
        """Number of frames."""
        return len(self.detections)

    def frames(self) -> Iterator[NDArray[np.uint8]]:
        """Iterate over the images, BGR uint8; only sequences of the "frames" groups have images."""
        from deepsort_reid.io.video_reader import open_video

        return iter(open_video(self.folder))

    def warps(self, data: Path) -> NDArray[np.float64]:
        """Read the camera motion (length, 2, 3): affine i maps frame i to frame i + 1.

        Raises:
            FileNotFoundError: the data folder has no camera-motion file for this sequence.
        """
        # MOT16-09 and MOT17-09 are the same video.
        scene = self.folder.name.replace("MOT16", "MOT17")[: len("MOT17-00")]
        rows = np.loadtxt(data / "camera-motion" / f"GMC-{scene}.txt")
        found = np.tile(np.eye(2, 3), (self.length, 1, 1))
        # Some files lack the last frame: the identity is used there.
        count = min(len(rows), self.length)
        found[:count] = rows[:count, 1:7].reshape(-1, 2, 3)
        return found


def data_folder(given: Path | None = None) -> Path:
    """Return the data folder: `given`, else DEEPSORT_REID_DATA, else ../shared/data."""
    from_environment = os.environ.get("DEEPSORT_REID_DATA")
    beside_checkout = Path(__file__).resolve().parents[3] / "shared" / "data"
    return given or (Path(from_environment) if from_environment else beside_checkout)


def data_root(given: Path | None = None) -> Path:
    """Return `data_folder(given)` after a check that it has benchmark inputs.

    Raises:
        FileNotFoundError: the folder has no `inputs` folder.
    """
    root = data_folder(given)
    if not (root / "inputs").is_dir():
        raise FileNotFoundError(
            f"no benchmark data: {root / 'inputs'} is not a folder; pass --data FOLDER"
        )
    return root


def find_data_root(given: Path | None) -> Path | None:
    """Return `data_root(given)`; None, with a message on stderr, when it does not exist."""
    try:
        return data_root(given)
    except FileNotFoundError as error:
        print(error, file=sys.stderr)
        return None


@cache
def load(name: str, data: Path) -> Input:
    """Read the input `name` of the data folder `data`."""
    sequence = read_sequence(_folder(name, data))
    assert sequence.ground_truth is not None
    assert sequence.length is not None
    return Input(
        name=name,
        folder=sequence.folder,
        truth=read_ground_truth(sequence.ground_truth),
        protocol="mot16" if sequence.name.startswith(("MOT16", "MOT17")) else "plain",
        detections=_detections(data / "inputs" / f"{name}.npz", sequence.length),
    )


def _folder(name: str, data: Path) -> Path:
    if (data / "mot-text" / name).is_dir():
        return data / "mot-text" / name
    return data / "mot" / name.rsplit("-", 1)[0]


def _detections(path: Path, length: int) -> tuple[Detections, ...]:
    stored = np.load(path)
    frame, xyxy, score = stored["frame"], stored["xyxy"].astype(float), stored["score"]
    embedding = None
    if "embedding" in stored:
        # float16 on disk: rows have unit length to three digits only.
        rows = stored["embedding"].astype(np.float32)
        embedding = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    found = []
    for number in range(1, length + 1):
        in_frame = np.flatnonzero(frame == number)
        found.append(
            Detections(
                xyxy[in_frame],
                score[in_frame],
                embedding=None if embedding is None else embedding[in_frame],
            )
        )
    return tuple(found)
