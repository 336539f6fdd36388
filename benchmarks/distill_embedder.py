"""Train the embedder of the package to reproduce embeddings of teacher networks, and export it.

python -m torch.distributed.run --standalone --nproc-per-node 2 -m benchmarks.distill_embedder
    VIEWS --out RUN --minutes 100 --init-from EMBEDDER.onnx

VIEWS is a folder of `benchmarks.distillation_views`; shards that are added during the training are
used, too. The schedule is a function of the training time: on a busy machine, fewer images are
seen, but the schedule is completed. After an interruption, the same command continues from the last
checkpoint.
"""

import argparse
import time
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torch.distributed as dist
import torch.nn.functional as F  # noqa: N812
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from benchmarks.distillation_views import VIEW_SIZE, Crops, read_crops
from benchmarks.lib import cli_options, provenance
from benchmarks.lib.distillation_student import (
    REGIONS,
    Targets,
    direction_and_relation,
    fit_head,
    new_student,
)
from deepsort_reid.io.atomic import write_atomically
from deepsort_reid.reid.evaluation.retrieval import evaluate_each_against_all
from deepsort_reid.reid.export import export_onnx
from deepsort_reid.reid.models.onnx_weights import load_onnx_backbone, set_norm_statistics
from deepsort_reid.reid.models.reid_model import ReidModel, embed_images
from deepsort_reid.reid.training.losses import CosineSoftmax
from deepsort_reid.reid.training.schedules import flat_cosine
from deepsort_reid.vision.crops import resize_crop

IDENTITIES, VIEWS_PER_IDENTITY = 16, 4  # of the batch of one process
LEARNING_RATE, DECAY_FROM = 1.5e-3, 0.4  # DECAY_FROM is a fraction of the training time
WARMUP = 1.0  # minutes
WEIGHT_DECAY = 0.05
EMA_DECAY = 0.998  # per step
LOSS_WEIGHTS = torch.tensor([1, 20, 0.5, 0.02])  # direction, relation, region, label
TRACK_WEIGHT = 0.5  # of the mean target of the track, for views of unchanged appearance
REPORT_EVERY, SAVE_EVERY, VALIDATE_EVERY = 60.0, 240.0, 720.0  # seconds

NAME = "compact-384-distilled"
TRAINING_DATA = (
    "embeddings of person-reidentification-retail-0286 and -0277 (Open Model Zoo) of augmented "
    "crops of Market-1501 bounding_box_train and of rendered persons"
)
LICENCE = "Apache-2.0 for the file; Market-1501 is for research only"


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = cli_options.make_parser("distill_embedder", __doc__)
    parser.add_argument("views", type=Path, help="folder written by benchmarks.distillation_views")
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="RUN",
        help="run folder; resumed if it has a checkpoint",
    )
    parser.add_argument(
        "--minutes", type=float, required=True, help="training time, interrupted runs included"
    )
    parser.add_argument(
        "--init-from",
        type=Path,
        metavar="ONNX",
        help="initialise from an exported network with backbone compact (default: random weights)",
    )
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Train for the rest of the minutes, then write `embedder.onnx` to the run folder."""
    args = make_parser().parse_args(argv)
    torch.set_num_threads(1)
    dist.init_process_group("gloo")
    if dist.get_rank() == 0:
        print(provenance.environment_line("torch", "numpy"), flush=True)
        args.out.mkdir(parents=True, exist_ok=True)
    run = Distillation(args.views, args.out, args.minutes, args.init_from)
    run.train()
    if dist.get_rank() == 0:
        run.save()
        run.export(args.out / "embedder.onnx")
    dist.destroy_process_group()


class Batch(NamedTuple):
    """Several views of each of a few identities."""

    image: NDArray[np.uint8]  # (B, 160, 80, 3) RGB
    target: Tensor  # (B, D) unit rows
    regions: Tensor  # (B, REGIONS, D) contributions of image regions to the targets of the views
    label: Tensor  # (B,) identity of Market-1501; -100, which the loss ignores, without label


class Views:
    """Random batches from all shards in a folder.

    Args:
        folder: output folder of `benchmarks.distillation_views`.
        crops, teacher_embedding: content of its `crops.npz`.
        targets: map from teacher embeddings to targets.
        seed: of the random batches.
    """

    def __init__(
        self,
        folder: Path,
        crops: Crops,
        teacher_embedding: NDArray[np.float16],
        targets: Targets,
        seed: int,
    ) -> None:
        self.folder, self.crops, self.targets = folder, crops, targets
        self.rng = np.random.default_rng(seed)
        target = targets(teacher_embedding)
        total = torch.zeros(int(crops.track.max()) + 1, target.shape[1])
        total.index_add_(0, torch.from_numpy(crops.track), target)
        self.track_target = F.normalize(total)  # (tracks, D)
        self.shards: list[Path] = []
        self.refresh()

    def refresh(self) -> None:
        """Open the shards that exist now."""
        found = sorted(path for path in self.folder.glob("????") if path.is_dir())
        if found == self.shards:
            return
        self.shards = found
        self.view = [np.load(path / "view.npy", mmap_mode="r") for path in found]
        self.regions = [np.load(path / "regions.npy", mmap_mode="r") for path in found]
        embeddings = [np.load(path / "teacher_embedding.npy") for path in found]
        self.teacher_embedding = np.concatenate(embeddings)
        self.crop = np.concatenate([np.load(path / "crop.npy") for path in found])
        self.is_same = np.concatenate([np.load(path / "is_same.npy") for path in found])
        identity = self.crops.identity[self.crop]
        self.order = np.argsort(identity, kind="stable")  # views of one identity are adjacent
        self.first = np.searchsorted(identity[self.order], np.arange(identity.max() + 2))

    def __len__(self) -> int:
        return len(self.crop)

    def draw(self) -> Batch:
        """Draw identities in proportion to their views, VIEWS_PER_IDENTITY views of each."""
        identity = self.crops.identity[self.crop[self.rng.integers(len(self), size=IDENTITIES)]]
        low, high = self.first[identity], self.first[identity + 1]
        position = self.rng.integers(low[:, None], high[:, None], (IDENTITIES, VIEWS_PER_IDENTITY))
        rows = self.order[position].ravel()
        size = len(self.view[0])
        image = np.stack([self.view[row // size][row % size] for row in rows])
        regions = np.stack([self.regions[row // size][row % size] for row in rows])
        for k in np.flatnonzero(self.rng.random(len(rows)) < 0.5):
            image[k] = image[k][:, ::-1]
        crop, is_same = self.crop[rows], torch.from_numpy(self.is_same[rows])
        track = self.track_target[torch.from_numpy(self.crops.track[crop])]
        own = self.targets(self.teacher_embedding[rows])
        target = F.normalize(own + TRACK_WEIGHT * is_same[:, None] * track)
        has_label = self.is_same[rows] & self.crops.is_market[crop]
        label = np.where(has_label, self.crops.identity[crop], -100)
        regions = self.targets.regions(self.teacher_embedding[rows], regions)
        return Batch(image, target, regions, torch.from_numpy(label))


class Losses(nn.Module):
    """Student network and classifier: batch in, the four losses out."""

    def __init__(self, student: ReidModel, num_identities: int) -> None:
        super().__init__()
        self.student = student
        self.classifier = CosineSoftmax(student.embedding_dim, num_identities)
        self.region_bias = nn.Parameter(torch.zeros(REGIONS, student.embedding_dim))

    def forward(
        self, images: Tensor, target: Tensor, regions: Tensor, label: Tensor
    ) -> tuple[Tensor, ...]:
        """Return four scalar losses for images (B, 3, H, W) and the other tensors of `Batch`.

        Direction and relation: see `direction_and_relation`. Region: squared error of the
        contributions of the image regions, relative to their squared norm. Label: cross entropy of
        the identities.
        """
        with torch.autocast("cpu", torch.bfloat16):
            parts = self._contributions(images).float()
        neck = self.student.head.neck
        embedding = neck(parts.sum(1))
        unit = F.normalize(embedding)
        direction, relation = direction_and_relation(unit, target)
        scale = neck.weight * (neck.running_var + neck.eps).rsqrt()
        parts = parts * scale / embedding.norm(dim=1)[:, None, None] + self.region_bias
        region = (parts - regions).square().sum() / regions.square().sum()
        return direction, relation, region, self.classifier(embedding, label)

    def _contributions(self, images: Tensor) -> Tensor:
        """Images (B, 3, H, W) -> summands (B, REGIONS, D) of the feature in front of BNNeck."""
        student = self.student
        normalised = (images - student.mean) / student.std
        feature_map = student.backbone(normalised.contiguous(memory_format=torch.channels_last))
        pooled = student.head.pooling(feature_map).view(len(images), REGIONS, -1)
        weight = student.head.linear[0].weight.view(-1, REGIONS, pooled.shape[2])
        return torch.einsum("brc,drc->brd", pooled, weight)


class Distillation:
    """State of a training, which checkpoints contain, and the training loop.

    Args:
        views: output folder of `benchmarks.distillation_views`.
        out: run folder; a checkpoint in it is restored.
        minutes: total training time.
        init_from: ONNX file with the initial weights of the backbone; None: random weights.
    """

    def __init__(self, views: Path, out: Path, minutes: float, init_from: Path | None) -> None:
        torch.manual_seed(0)
        self.path, self.minutes = out / "last.pt", minutes
        crops, teacher_embedding = read_crops(views / "crops.npz")
        self.crops, self.teacher_embedding = crops, teacher_embedding
        self.held_out = views / "held_out"
        regions = np.load(self.held_out / "regions.npy")
        self.targets = Targets(teacher_embedding[~crops.held_out], regions)
        self.views = Views(views, crops, teacher_embedding, self.targets, 100 + dist.get_rank())
        student = new_student()
        if init_from is not None and not self.path.is_file():
            batches = [self.views.draw() for _ in range(96)]
            images = torch.from_numpy(np.concatenate([batch.image for batch in batches]))
            load_onnx_backbone(student.backbone, init_from)
            set_norm_statistics(student, images[:256])
            regions = torch.cat([batch.regions for batch in batches])
            fit_head(student, images.permute(0, 3, 1, 2), regions)
        self.losses = Losses(student, int(crops.identity.max()) + 1)
        self.losses.to(memory_format=torch.channels_last)
        self.average = new_student()
        self.average.load_state_dict(student.state_dict())
        weights = self.losses.parameters()
        self.optimizer = torch.optim.AdamW(weights, LEARNING_RATE, weight_decay=WEIGHT_DECAY)
        self.elapsed, self.num_images = 0.0, 0  # seconds, images seen by all processes
        if self.path.is_file():
            self._restore()
            self.views.rng = np.random.default_rng([dist.get_rank(), self.num_images])

    def train(self) -> None:
        """Train until the time is over; save, validate and print the losses at intervals."""
        # Normalisations keep the statistics of the initialisation: the similarities within a batch
        # are learned better than with the statistics of batches.
        self.losses.eval()
        model = DistributedDataParallel(self.losses, forward_sync_buffers=False, bucket_cap_mb=64)
        schedule = flat_cosine(1, warmup_epochs=WARMUP / self.minutes, decay_from=DECAY_FROM)
        before, clock = self.elapsed, torch.zeros(1, dtype=torch.float64)
        start = reported = saved = validated = time.monotonic()
        sums, steps = torch.zeros(4), 0
        while True:
            self.elapsed = before + time.monotonic() - start
            clock[0] = self.elapsed / (60 * self.minutes)
            dist.broadcast(clock, 0)
            done = float(clock)
            if done >= 1:
                return
            for group in self.optimizer.param_groups:
                group["lr"] = LEARNING_RATE * schedule(done)
            sums += self._step(model)
            steps += 1
            now = time.monotonic()
            if now - reported > REPORT_EVERY:
                self.views.refresh()
                self._report(sums / steps, steps / (now - reported))
                reported, steps = now, 0
                sums.zero_()
            if now - saved > SAVE_EVERY and dist.get_rank() == 0:
                self.save()
                saved = now
            if now - validated > VALIDATE_EVERY and dist.get_rank() == 0:
                print(f"  {self.validate()}", flush=True)
                validated = now

    def _step(self, model: nn.Module) -> Tensor:
        """Train on one batch; return the four losses (4,)."""
        batch = self.views.draw()
        images = torch.from_numpy(batch.image).permute(0, 3, 1, 2).float()
        losses = torch.stack(model(images, batch.target, batch.regions, batch.label))
        self.optimizer.zero_grad()
        (losses @ LOSS_WEIGHTS).backward()
        self.optimizer.step()
        self.num_images += len(images) * dist.get_world_size()
        self._update_ema()
        return losses.detach()

    def _update_ema(self) -> None:
        """Update the exponential moving average of the weights and normalisation statistics."""
        current = self.losses.student.state_dict()
        batches = self.num_images / (2 * IDENTITIES * VIEWS_PER_IDENTITY)
        decay = min(EMA_DECAY, 1 - 1 / (1 + batches))
        for name, value in self.average.state_dict().items():
            if value.is_floating_point():
                value.lerp_(current[name], 1 - decay)

    def _report(self, losses: Tensor, steps_per_second: float) -> None:
        """Print one line on the main process."""
        if dist.get_rank():
            return
        speed = steps_per_second * IDENTITIES * VIEWS_PER_IDENTITY * dist.get_world_size()
        direction, relation, region, label = losses.tolist()
        rate = self.optimizer.param_groups[0]["lr"]
        print(
            f"{self.elapsed / 60:6.1f} min {self.num_images / 1e6:6.3f} M images {speed:4.0f}/s "
            f"of {len(self.views)} views, rate {rate:.1e}, direction {direction:.4f} "
            f"relation {relation:.5f} region {region:.3f} label {label:.3f}", flush=True,
        )  # fmt: skip

    def validate(self) -> str:
        """Describe how the averaged student compares with the teachers on held-out identities."""
        view = np.load(self.held_out / "view.npy", mmap_mode="r")[:1024]
        target = self.targets(np.load(self.held_out / "teacher_embedding.npy")[:1024])
        student = self.average.eval()
        cosine = (embed_images(student, np.array(view)) * target).sum(1).mean()
        rows = np.flatnonzero(self.crops.held_out)
        identity, camera = self.crops.identity[rows], self.crops.camera[rows]
        images = np.stack([resize_crop(image, VIEW_SIZE) for image in self.crops.image[rows]])
        text = f"held out: cosine to the teachers {cosine:.4f}"
        teachers = self.targets(self.teacher_embedding[rows])
        both = (("student", embed_images(student, images)), ("teachers", teachers))
        for name, embedding in both:
            result = evaluate_each_against_all(embedding, identity, camera=camera)
            text += f", {name} {result.cmc[1]:.1%} / {result.mean_average_precision:.1%}"
        return text

    def save(self) -> None:
        """Write the checkpoint `last.pt`."""
        state = {
            "losses": self.losses.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "elapsed": self.elapsed,
            "num_images": self.num_images,
        }
        buffer = BytesIO()
        torch.save(state, buffer)
        write_atomically(self.path, buffer.getvalue())

    def _restore(self) -> None:
        """Restore the checkpoint `last.pt`."""
        state = torch.load(self.path, map_location="cpu", weights_only=True)
        self.losses.load_state_dict(state["losses"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.elapsed, self.num_images = state["elapsed"], state["num_images"]

    def export(self, path: Path) -> None:
        """Export the averaged student to an ONNX file."""
        crops = np.load(self.held_out / "view.npy", mmap_mode="r")[:64]
        texts = {"name": NAME, "training_data": TRAINING_DATA, "licence": LICENCE}
        cosine = export_onnx(self.average.eval(), path, np.array(crops), texts)
        print(f"{path}: lowest cosine to PyTorch {cosine:.6f}; {self.validate()}", flush=True)


if __name__ == "__main__":
    main()
