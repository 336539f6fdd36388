"""Adapt the embedder to half of a video without labels, and judge it on the other half.

python -m benchmarks.adaptation [--scene NAME ...] [--data DIR]

`deepsort-reid adapt` learns from the first half of each scene with YOLOX-nano detections (the
rendered street: boxes of the ground truth with noise). The second half is judged by the ground
truth: ROC AUC of pairs of detections by their gap in frames, and HOTA and IDF1 of `DeepSort()` with
the embeddings before and after. PKU-Reid, which has other people and cameras, shows what is
forgotten.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from benchmarks import cross_domain
from benchmarks.lib import cli_options, inputs, provenance
from benchmarks.lib.evaluation import run_tracker
from benchmarks.lib.inputs import Input
from benchmarks.lib.scoring import ScoreRow
from deepsort_reid import DeepSort
from deepsort_reid.cli import main as command_line
from deepsort_reid.cli.adapt import NOT_IMPROVED
from deepsort_reid.io.mot import write_rows
from deepsort_reid.metrics import evaluate
from deepsort_reid.reid.evaluation.verification import auc_by_gap
from deepsort_reid.scene import Street
from deepsort_reid.structures import boxes
from deepsort_reid.structures.detections import Detections
from deepsort_reid.structures.mot_rows import MotRows
from deepsort_reid.vision.embedder import Embedder

SCENES = ("PETS09-S2L1", "MOT16-09", "street")
EDGES = (1, 10, 20, 50, 100, 200, 400)  # of the bins of gaps, frames
MIN_SCORE = 0.3  # of the detections whose pairs are compared
STREET = Street(seed=21, frames=500, people=14)
STREET_NOISE = 0.03  # standard deviation of the box edges, share of the box size
MIN_VISIBILITY = 0.3  # of a detected person of the street


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = cli_options.make_parser("adaptation", __doc__)
    parser.add_argument(
        "--scene",
        choices=SCENES,
        action="append",
        help="scene to adapt to; may be given several times (default: all three)",
    )
    cli_options.add_data(parser)
    cli_options.add_embedder(parser)
    parser.add_argument("--threads", type=int, help="CPU threads (default: all cores)")
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Print two lines for each scene, before and after."""
    args = make_parser().parse_args(argv)
    data = inputs.data_folder(args.data)
    print(provenance.environment_line("torch", "onnxruntime", "numpy"))
    bins = [f"{low}-{high - 1}" for low, high in pairwise(EDGES)]
    titles = "".join(f"{title:>9}" for title in (*bins, "mean"))
    print(f"{'AUC by gap in frames':28}{titles}     HOTA   IDF1  PKU rank-1   mAP", flush=True)
    pku = data / "reid" / "PKU-Reid"
    with tempfile.TemporaryDirectory() as folder:
        before = Embedder(args.embedder, threads=args.threads)
        before_pku = cross_domain.score(before, pku)
        for name in args.scene or SCENES:
            scene = make_scene(name, data, Path(folder))
            print_line(f"{name} before", judge(before, scene), before_pku)
            start = time.monotonic()
            out = Path(folder) / f"{name}.onnx"
            status = adapt(scene, out, args)
            print(f"{name} adapted in {time.monotonic() - start:.0f} s, exit status {status}")
            if status == 0:
                after = Embedder(out, threads=args.threads)
                print_line(f"{name} after", judge(after, scene), cross_domain.score(after, pku))


@dataclass(frozen=True)
class HalfScores:
    """Scores on the second half of a scene."""

    auc: NDArray[np.float64]  # by gap
    tracking: ScoreRow


def print_line(title: str, scores: HalfScores, pku: cross_domain.CrossDomainScores) -> None:
    """Print the scores of one embedder."""
    auc = "".join(f"{value:>9.4f}" for value in (*scores.auc, np.nanmean(scores.auc)))
    rank1, mean_ap = np.mean(pku.rank1), np.mean(pku.mean_average_precision)
    hota, idf1 = scores.tracking.hota, scores.tracking.idf1
    print(f"{title:28}{auc}{hota:>9.1f}{idf1:>7.1f}{rank1:>12.1%}{mean_ap:>7.1%}", flush=True)


def make_scene(name: str, data: Path, folder: Path) -> Input:
    """Read a scene, or render the street into `folder`."""
    if name == "street":
        return render_street(STREET, folder / "street")
    return inputs.load(f"{name}-yolox", data)


def render_street(street: Street, folder: Path) -> Input:
    """Write the frames of a street, and return it with noisy boxes of visible people."""
    (folder / "img1").mkdir(parents=True)
    rng = np.random.default_rng(0)
    truth = street.clipped(street.truth)
    detections = []
    for number, frame, _ in street:
        cv2.imwrite(str(folder / "img1" / f"{number:06d}.jpg"), frame)
        rows = truth[(truth.frame == number) & (truth.visibility > MIN_VISIBILITY)]
        size = np.tile(rows.xyxy[:, 2:] - rows.xyxy[:, :2], 2)
        noise = rng.normal(0, STREET_NOISE, rows.xyxy.shape)
        detections.append(Detections(rows.xyxy + noise * size, np.full(len(rows), 0.9)))
    return Input("street", folder, truth, "plain", tuple(detections))


def adapt(scene: Input, out: Path, args: argparse.Namespace) -> int:
    """Run `deepsort-reid adapt` on the first half of a scene; returns its exit status."""
    file = out.with_suffix(".txt")
    half = scene.length // 2
    write_rows(file, detection_rows(scene.detections[:half]), "det")
    command = ["adapt", str(scene.folder), "--detections", str(file), "--stop", str(half)]
    command += ["--out", str(out)]
    command += [] if args.embedder is None else ["--embedder", str(args.embedder)]
    command += [] if args.threads is None else ["--threads", str(args.threads)]
    status = command_line.main(command)
    if status not in (0, NOT_IMPROVED):
        raise SystemExit(status)
    return status


def detection_rows(detections: Sequence[Detections]) -> MotRows:
    """Rows of a det.txt."""
    count = [len(each) for each in detections]
    total = sum(count)
    return MotRows(
        frame=np.repeat(np.arange(1, len(detections) + 1), count),
        id=np.full(total, -1),
        xyxy=np.concatenate([each.xyxy for each in detections]),
        score=np.concatenate([each.score for each in detections]),
        class_id=np.full(total, -1),
        visibility=np.ones(total),
    )


def judge(embedder: Embedder, scene: Input) -> HalfScores:
    """Score an embedder on the second half of a scene."""
    half = scene.length // 2
    truth = scene.truth[scene.truth.frame > half]
    truth = replace(truth, frame=truth.frame - half)
    detections = list(embed_frames(embedder, scene, half))
    result, _ = run_tracker(DeepSort(), detections, [{}] * len(detections))
    scores = evaluate(truth, result, protocol=scene.protocol, frames=len(detections))
    people = truth[truth.score > 0] if scene.protocol == "mot16" else truth
    return HalfScores(separation(detections, people), ScoreRow.of(scores))


def embed_frames(embedder: Embedder, scene: Input, skip: int) -> Iterator[Detections]:
    """Yield the detections with embeddings of each frame after the first `skip`."""
    frames: Any = scene.frames()
    for number, (frame, found) in enumerate(zip(frames, scene.detections, strict=True)):
        if number >= skip:
            yield found.with_embedding(embedder(frame, found.xyxy))


def separation(detections: Sequence[Detections], truth: MotRows) -> NDArray[np.float64]:
    """AUC by gap of the detections that match a box of the ground truth with an IoU of 0.5."""
    embedding, identity, frame = [], [], []
    for number, found in enumerate(detections, 1):
        in_frame, rows = truth[truth.frame == number], np.flatnonzero(found.score >= MIN_SCORE)
        iou = boxes.iou(in_frame.xyxy, found.xyxy[rows])
        person, column = linear_sum_assignment(np.where(iou >= 0.5, iou, 0), maximize=True)
        matched = iou[person, column] >= 0.5
        assert found.embedding is not None
        embedding.append(found.embedding[rows[column[matched]]])
        identity.append(in_frame.id[person[matched]])
        frame.append(np.full(int(matched.sum()), number))
    return auc_by_gap(
        np.concatenate(embedding),
        np.concatenate(identity),
        np.concatenate(frame),
        np.zeros(sum(len(each) for each in frame)),
        edges=EDGES,
    ).auc


if __name__ == "__main__":
    main()
