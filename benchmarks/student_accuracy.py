"""Distil students of several architectures with the same number of images, and evaluate them.

python -m benchmarks.student_accuracy VIEWS --out FOLDER --images 50000

VIEWS is a folder of `benchmarks.distillation_views`. All students start from random weights and
have the same head (global average pooling, a linear layer to 384 components, BNNeck), losses,
batches and schedule, so that the table compares the architectures at a short training and not what
a long one reaches. The validation identities are those that `benchmarks.distill_embedder` holds
out; PKU-Reid is the test. A student whose file is in FOLDER is evaluated and not trained again.
"""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from benchmarks import cross_domain
from benchmarks.distill_embedder import LOSS_WEIGHTS, WEIGHT_DECAY, Views
from benchmarks.distillation_views import Crops, read_crops
from benchmarks.lib import cli_options, inputs, provenance
from benchmarks.lib.distillation_student import (
    EMBEDDING_DIM,
    Targets,
    direction_and_relation,
)
from benchmarks.student_speed import STUDENTS
from deepsort_reid.reid.evaluation.retrieval import evaluate_each_against_all
from deepsort_reid.reid.export import export_onnx
from deepsort_reid.reid.models.reid_model import ReidModel
from deepsort_reid.reid.training.checkpoint import build_model
from deepsort_reid.reid.training.losses import CosineSoftmax
from deepsort_reid.reid.training.schedules import flat_cosine
from deepsort_reid.vision.embedder import Embedder

LEARNING_RATE, WARMUP, DECAY_FROM = 1.5e-3, 0.05, 0.4  # the last two are fractions of the steps


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = cli_options.make_parser("student_accuracy", __doc__)
    parser.add_argument("views", type=Path, help="folder written by benchmarks.distillation_views")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="FOLDER", help="folder for the ONNX files"
    )
    cli_options.add_data(parser)
    cli_options.add_number(parser, "--images", 50_000, "images that each student sees")
    parser.add_argument(
        "--only", nargs="+", metavar="NAME", help="students to train and evaluate (default: all)"
    )
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Print one line for each student."""
    args = make_parser().parse_args(argv)
    pku = inputs.data_folder(args.data) / "reid" / "PKU-Reid"
    args.out.mkdir(parents=True, exist_ok=True)
    print(provenance.environment_line("torch", "onnxruntime", "numpy"), flush=True)
    crops, teacher_embedding = read_crops(args.views / "crops.npz")
    regions = np.load(args.views / "held_out" / "regions.npy")
    targets = Targets(teacher_embedding[~crops.held_out], regions)
    columns = ("held out rank-1", "mAP", "PKU rank-1", "mAP", "TAR")
    print(f"{'':<28}" + "".join(f"{column:>17}" for column in columns), flush=True)
    for backbone, height, width in STUDENTS:
        name = f"{backbone} {height}x{width}"
        if args.only and name not in args.only:
            continue
        path = args.out / f"{name.replace(' ', '_')}.onnx"
        if not path.is_file():
            views = Views(args.views, crops, teacher_embedding, targets, seed=0)
            student = distil(backbone, (height, width), views, args.images)
            examples = np.load(args.views / "held_out" / "view.npy", mmap_mode="r")[:64]
            examples = resized(torch.from_numpy(np.array(examples)), (height, width))
            export_onnx(student, path, examples.permute(0, 2, 3, 1).byte().numpy(), {})
        report(name, Embedder(path), crops, pku)


class StudentLosses(nn.Module):
    """Student network and classifier: a batch in, direction, relation and label loss out."""

    def __init__(self, student: ReidModel, num_identities: int) -> None:
        super().__init__()
        self.student = student
        self.classifier = CosineSoftmax(student.embedding_dim, num_identities)

    def forward(self, images: Tensor, target: Tensor, label: Tensor) -> Tensor:
        """Return three scalar losses (3,) for images (B, 3, H, W) in 0..255."""
        with torch.autocast("cpu", torch.bfloat16):
            _, embedding = self.student(images)
        embedding = embedding.float()
        direction, relation = direction_and_relation(F.normalize(embedding), target)
        return torch.stack([direction, relation, self.classifier(embedding, label)])


def distil(backbone: str, size: tuple[int, int], views: Views, num_images: int) -> ReidModel:
    """Train a student of inputs of `size` (height, width) on `num_images` views."""
    torch.manual_seed(0)
    architecture = {"backbone": backbone, "embedding_dim": EMBEDDING_DIM}
    student = build_model({**architecture, "pooling": "average", "parts": 0})
    losses = StudentLosses(student, int(views.crops.identity.max()) + 1)
    losses.train().to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(losses.parameters(), LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    schedule = flat_cosine(1, warmup_epochs=WARMUP, decay_from=DECAY_FROM)
    weights = LOSS_WEIGHTS[[0, 1, 3]]  # there are no image regions in this head
    start, seen, shown = time.monotonic(), 0, 0
    while seen < num_images:
        for group in optimizer.param_groups:
            group["lr"] = LEARNING_RATE * schedule(seen / num_images)
        batch = views.draw()
        images = resized(torch.from_numpy(batch.image), size)
        images = images.contiguous(memory_format=torch.channels_last)
        values = losses(images, batch.target, batch.label)
        optimizer.zero_grad()
        (values @ weights).backward()
        optimizer.step()
        seen += len(images)
        if seen - shown >= 10_000:
            shown = seen
            text = ", ".join(f"{value:.4f}" for value in values.tolist())
            print(f"  {seen} images, {time.monotonic() - start:.0f} s: {text}", flush=True)
    return student.eval()


def resized(images: Tensor, size: tuple[int, int]) -> Tensor:
    """RGB uint8 images (B, H, W, 3) as float32 (B, 3, *size) in 0..255."""
    channels_first = images.permute(0, 3, 1, 2).float()
    if channels_first.shape[2:] == size:
        return channels_first
    return F.interpolate(channels_first, size, mode="bilinear", antialias=True)


def report(name: str, embedder: Embedder, crops: Crops, pku: Path) -> None:
    """Print retrieval on the held-out identities between cameras, and on PKU-Reid."""
    rows = np.flatnonzero(crops.held_out)
    embedding = np.concatenate([
        embedder.embed_crops([np.ascontiguousarray(image[..., ::-1]) for image in part])
        for part in np.array_split(crops.image[rows], max(1, len(rows) // 128))
    ])  # fmt: skip
    identity, camera = crops.identity[rows], crops.camera[rows]
    held_out = evaluate_each_against_all(embedding, identity, camera=camera)
    scores = cross_domain.score(embedder, pku)
    values = (held_out.cmc[1], held_out.mean_average_precision, np.mean(scores.rank1),
              np.mean(scores.mean_average_precision), scores.true_accept_rate)  # fmt: skip
    print(f"{name:<28}" + "".join(f"{value:>17.1%}" for value in values), flush=True)


if __name__ == "__main__":
    main()
