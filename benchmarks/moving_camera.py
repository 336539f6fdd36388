"""Measure tracking with a moving camera: without, with estimated and with true camera motion.

    python -m benchmarks.moving_camera

The moving cameras are windows that pan, zoom and shake over the images of static cameras: the
rendered street, PETS09-S2L1 and MOT16-09. Their motion, detections and ground truth are exact
(`lib/moving_view.py`). The detections of the street are its visible boxes with noise, missed and
false ones, with embeddings of the embedder of the package. The rows are: no camera motion, the
estimate of `--camera-motion auto`, that of `flow`, and the true motion as the upper bound.
Milliseconds are processor time of the estimator per frame on one core.
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.lib import cli_options, inputs, provenance, single_core
from benchmarks.lib.evaluation import tracks_to_rows
from benchmarks.lib.moving_view import PATHS, MovingView, StaticView, moving_view
from benchmarks.lib.scoring import HEADER, ScoreRow
from deepsort_reid.metrics import Scores, evaluate
from deepsort_reid.scene.street import Street
from deepsort_reid.structures.detections import Detections
from deepsort_reid.structures.mot_rows import MotRows
from deepsort_reid.tracking import DeepSort
from deepsort_reid.vision.camera_motion import ESTIMATORS
from deepsort_reid.vision.embedder import Embedder

Warps = NDArray[np.float64]  # (length, 2, 3)

REAL = ("PETS09-S2L1-public", "PETS09-S2L1-yolox", "MOT16-09-public", "MOT16-09-yolox")
PEOPLE = 14  # per street
MIN_VISIBILITY = 0.3  # visible fraction of the body from which a person of the street is detected
MISSED, FALSE_BOXES = 0.15, 0.3  # share of missed persons, false boxes per frame
NOISE = 0.03  # standard deviation of the sides of a box, as a fraction of its size
NAMES = ("auto", "flow")  # estimators
STATIC = "static"  # name of the original sequence among the paths


def street_view(street: Street, embedder: Callable[..., Any]) -> StaticView:
    """Return a street with noisy detections."""
    rng = np.random.default_rng([street.seed, 2])
    detections = []
    for _, image, rows in street:
        xyxy, score = _noisy_boxes(street.clipped(rows), street.size, rng)
        detections.append(Detections(xyxy, score, embedding=embedder(image, xyxy)))
    truth = street.clipped(street.truth[street.truth.visibility > 0])

    def frames() -> Iterator[NDArray[np.uint8]]:
        return (image for _, image, _ in street)

    name = f"street, seed {street.seed}"
    parts = (frames, tuple(detections), truth, "plain")
    return StaticView(name, street.size, street.frame_rate, *parts)


def _noisy_boxes(
    rows: MotRows, size: tuple[int, int], rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Boxes (M, 4) and scores (M,) of the visible persons, with the errors of a detector."""
    found = rows[(rows.visibility >= MIN_VISIBILITY) & (rng.random(len(rows)) >= MISSED)]
    extent = np.tile(found.xyxy[:, 2:] - found.xyxy[:, :2], 2)
    xyxy = found.xyxy + NOISE * extent * rng.standard_normal(extent.shape)
    width, height = size
    false = rng.random((rng.poisson(FALSE_BOXES), 2)) * (0.9 * width, 0.6 * height)
    false = np.column_stack([false, false + np.array([0.05 * width, 0.3 * height])])
    xyxy = np.concatenate([xyxy, false])
    score = np.concatenate([rng.uniform(0.5, 1, len(found)), rng.uniform(0.2, 0.7, len(false))])
    return xyxy, score


def real_view(name: str, data: Path) -> StaticView:
    """Return an input of the benchmarks."""
    from deepsort_reid.io.video_reader import open_video

    found = inputs.load(name, data)
    video = open_video(found.folder)
    parts = (found.frames, found.detections, found.truth, found.protocol)
    return StaticView(name, video.size, video.frame_rate, *parts)


@dataclass(frozen=True, eq=False)
class Estimated:
    """Camera motion (length, 2, 3) of a sequence, and milliseconds per frame that it took."""

    warps: Warps
    ms: float


def estimate(view: StaticView, moving: dict[str, MovingView]) -> dict[tuple[str, str], Estimated]:
    """Estimate the camera motion of the original sequence and of its moving views.

    The keys are the path, and the name of the estimator.
    """
    now = single_core.clock()[1]
    estimators = {(path, name): ESTIMATORS[name]() for path in (STATIC, *moving) for name in NAMES}
    warps: dict[tuple[str, str], list[NDArray[np.float64]]] = {key: [] for key in estimators}
    seconds = dict.fromkeys(estimators, 0.0)
    for number, frame in enumerate(view.frames(), start=1):
        images = {path: seen.render(frame, number) for path, seen in moving.items()}
        for (path, name), estimator in estimators.items():
            found = moving.get(path, view).detections[number - 1]
            start = now()
            motion = estimator(images.get(path, frame), found.xyxy)
            seconds[path, name] += now() - start
            warps[path, name].append(motion.warp)
    return {
        key: Estimated(np.array(warps[key]), 1000 * seconds[key] / view.length)
        for key in estimators
    }


def score(view: StaticView, seen: StaticView | MovingView, warps: Warps | None) -> Scores:
    """Track a sequence with this camera motion, None for none, and score the result."""
    tracker = DeepSort()
    tracks = [
        tracker.update(found, camera=None if warps is None else warps[k])
        for k, found in enumerate(seen.detections)
    ]
    result = tracks_to_rows(range(1, len(tracks) + 1), tracks)
    return evaluate(seen.truth, result, protocol=view.protocol, frames=view.length)


def measure(view: StaticView, paths: Sequence[str]) -> Iterator[tuple[str, str, Scores, float]]:
    """Yield path, source of the camera motion, scores and milliseconds of every row."""
    moving = {path: moving_view(view, path) for path in paths}
    estimated = estimate(view, moving)
    for path in (STATIC, *moving):
        seen = moving.get(path, view)
        yield path, "none", score(view, seen, None), 0.0
        for name in NAMES:
            found = estimated[path, name]
            yield path, name, score(view, seen, found.warps), found.ms
        if isinstance(seen, MovingView):
            yield path, "true", score(view, seen, seen.warps), 0.0


def views(args: argparse.Namespace, data: Path | None) -> Iterator[StaticView]:
    """Yield the streets, then the sequences for which there is data."""
    embedder = Embedder(args.embedder, threads=1)
    for seed in args.seeds:
        yield street_view(Street(seed=seed, people=PEOPLE, frames=args.frames), embedder)
    for name in REAL if data is not None else ():
        if args.only in name:
            yield real_view(name, data)


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = cli_options.make_parser("moving_camera", __doc__)
    parser.add_argument(
        "--seeds",
        type=int,
        nargs="*",
        default=[0, 1],
        metavar="N",
        help="random seeds; one street for each, none without a number (default: 0 1)",
    )
    cli_options.add_number(parser, "--frames", 300, "frames per street")
    parser.add_argument(
        "--only",
        default="",
        metavar="TEXT",
        help="of the real sequences, measure those whose name contains TEXT (default: all)",
    )
    cli_options.add_embedder(parser)
    cli_options.add_data(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    args = make_parser().parse_args(argv)
    cv2.setNumThreads(1)
    print(provenance.environment_line("numpy", "opencv-python"))
    for view in views(args, inputs.find_data_root(args.data)):
        width, height = view.size
        print(f"\n{view.name}: {view.length} frames, {width}x{height}, {view.frame_rate:g} fps")
        print(f"{'path':16}  motion {HEADER}     ms")
        for path, source, scores, ms in measure(view, list(PATHS)):
            shown = "" if source in ("none", "true") else f"{ms:7.2f}"
            print(f"{path:16}  {source:6} {ScoreRow.of(scores)}{shown}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
