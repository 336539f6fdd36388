"""Options of `deepsort-reid train`."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from deepsort_reid.cli.train_teacher import add_teacher_arguments

# Not read from the package: the help must not need torch.
BACKBONE_HELP = (
    "compact (that of the shipped embedder), osnet_x0_25, osnet_x0_5, osnet_x1_0, resnet18, "
    "resnet50, mobilenet_v3_small or vit_b_16"
)
LOSSES = ("softmax", "triplet", "cosine", "circle")
DEFAULT = "(default: %(default)s)"


class _Store(argparse.Action):
    """Store the value, and the name of the option in the set `given`.

    --resume distinguishes a given value from a default.
    """

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        if not self.option_strings and values is None:
            return  # positional argument that was left out
        setattr(namespace, self.dest, values if self.nargs != 0 else True)
        namespace.given = namespace.given | {self.dest}


class _StoreTrue(_Store):
    """Option without a value."""

    def __init__(self, option_strings: Sequence[str], dest: str, help: str | None = None) -> None:
        super().__init__(option_strings, dest, nargs=0, default=False, help=help)


class _Append(_Store):
    """Append the value to the list of those given before."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        before = getattr(namespace, self.dest) or []
        super().__call__(parser, namespace, [*before, values], option_string)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add all options of `train`; the result has the set `given` of the names that were given."""
    parser.register("action", None, _Store)
    parser.register("action", "store_true", _StoreTrue)
    parser.register("action", "append", _Append)
    parser.set_defaults(given=frozenset())
    parser.epilog = (
        "In several processes: torchrun --nproc-per-node 2 -m deepsort_reid train DATA ...; each "
        "process trains on a part of every batch. Needs the extra [train]."
    )
    _add_data_arguments(parser)
    add_teacher_arguments(parser)
    _add_model_arguments(parser)
    _add_loss_arguments(parser)
    _add_optimiser_arguments(parser)
    _add_schedule_arguments(parser)
    _add_computation_arguments(parser)
    _add_run_arguments(parser)


def _add_data_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "data",
        nargs="?",
        type=Path,
        help="folder with one folder of images per identity, or Market-1501; with --resume that of "
        "the run if left out, with --unlabelled not needed",
    )
    add = parser.add_argument_group("data").add_argument
    add(
        "--split",
        choices=("identity", "time", "image", "none"),
        default="identity",
        help="how validation images are chosen: whole identities, the beginning or end of each "
        "track (crops with a manifest), single images, or none: no validation "
        f"{DEFAULT}",
    )
    add(
        "--validation-share",
        type=float,
        default=0.2,
        metavar="SHARE",
        help=f"fraction of the identities or images for validation, between 0 and 1 {DEFAULT}",
    )
    add(
        "--size",
        type=int,
        nargs=2,
        metavar=("HEIGHT", "WIDTH"),
        help="input size in pixels (default: that of --init-from, else 128 64)",
    )
    add(
        "--identities-per-batch",
        type=int,
        metavar="N",
        help="identities in a batch (default: 16, or all if there are fewer)",
    )
    add(
        "--images-per-identity",
        type=int,
        default=4,
        metavar="N",
        help=f"images of each identity in a batch {DEFAULT}",
    )
    add(
        "--no-augmentation",
        action="store_true",
        help="no random flip, shift, zoom, colour jitter, erasing or occlusion (default: all on "
        "except occlusion)",
    )
    add(
        "--noise-occlusion",
        type=float,
        default=0.0,
        metavar="PROBABILITY",
        help="probability, 0 to 1, of covering an image with three rectangles of noise of 4 to 15 "
        f"%% of its area each {DEFAULT}",
    )


def _add_model_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("model").add_argument
    add("--backbone", default="compact", metavar="NAME", help=f"{BACKBONE_HELP} {DEFAULT}")
    add(
        "--weights",
        metavar="FILE|imagenet",
        help="initial backbone weights: a state dict, or those of torchvision (default: random)",
    )
    add(
        "--init-from",
        type=Path,
        metavar="RUN|FILE.onnx",
        help="start from the model of a checkpoint or run folder, or of an ONNX file written by "
        "this package, with a new classifier; it replaces the other options of the model "
        "(default: a new model)",
    )
    add(
        "--embedding-dim",
        type=int,
        metavar="D",
        help="components of an embedding (default: 256, with --teacher at most as many as those of "
        "the teachers)",
    )
    add(
        "--pooling",
        choices=("average", "gem", "halves-max"),
        default="average",
        help="pooling of the feature map: average, generalised mean, or the average of each half "
        f"and the maximum, as in the shipped embedder {DEFAULT}",
    )
    add(
        "--parts",
        type=int,
        default=0,
        metavar="N",
        help="horizontal stripes that are embedded in addition to the whole image; "
        f"--embedding-dim must be a multiple of 1 + N {DEFAULT}",
    )


def _add_loss_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("losses").add_argument
    add(
        "--losses",
        nargs="+",
        choices=LOSSES,
        default=LOSSES[:2],
        metavar="LOSS",
        # %(default)s would show a tuple.
        help=f"one or more of {', '.join(LOSSES)}, which are added (default: softmax triplet)",
    )
    add(
        "--label-smoothing",
        type=float,
        default=0.1,
        metavar="E",
        help=f"label smoothing of the softmax loss, 0 to 1 {DEFAULT}",
    )
    add(
        "--margin",
        type=float,
        metavar="M",
        help="margin of the triplet loss, Euclidean distance (default: soft margin)",
    )


def _add_optimiser_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("optimiser").add_argument
    add(
        "--optimizer",
        choices=("adamw", "sgd"),
        default="adamw",
        help=f"AdamW, or SGD with momentum 0.9 {DEFAULT}",
    )
    add("--lr", type=float, metavar="RATE", help="learning rate (default: 2e-3; sgd: 1e-2)")
    add(
        "--weight-decay",
        type=float,
        metavar="DECAY",
        help="weight decay of weight matrices (default: 0.05; sgd: 5e-4)",
    )
    add(
        "--ema-decay",
        type=float,
        default=0.999,
        metavar="DECAY",
        help="decay per step of the exponential moving average of the weights, which is validated "
        f"and exported; 0: no averaging {DEFAULT}",
    )


def _add_schedule_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("schedule").add_argument
    add(
        "--epochs",
        type=int,
        metavar="N",
        help="number of epochs (default: 120; with --teacher 30)",
    )
    add(
        "--schedule",
        choices=("cosine", "flat-cosine", "step"),
        default="cosine",
        help="learning rate: warm-up and cosine decay to 0; the same with a constant rate up to "
        f"--decay-from; or a tenth after half of the epochs {DEFAULT}",
    )
    add(
        "--warmup-epochs",
        type=float,
        default=2.0,
        metavar="N",
        help=f"epochs in which the learning rate rises from 0; not for step {DEFAULT}",
    )
    add(
        "--decay-from",
        type=float,
        default=0.0,
        metavar="EPOCH",
        help=f"epoch at which the decay of flat-cosine begins {DEFAULT}",
    )
    add(
        "--frozen-epochs",
        type=int,
        default=0,
        metavar="N",
        help=f"first epochs in which the backbone is not trained {DEFAULT}",
    )


def _add_computation_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("computation").add_argument
    add(
        "--precision",
        choices=("float32", "bfloat16", "float16"),
        default="float32",
        help=f"arithmetic of the network; float16 needs a CUDA device {DEFAULT}",
    )
    add(
        "--no-sync-bn",
        action="store_true",
        help="several processes: each computes batch statistics of its own part, faster but not "
        "equal to one process (default: statistics of the whole batch)",
    )
    add("--device", metavar="NAME", help="cpu or cuda (default: cuda if available)")
    add("--threads", type=int, metavar="N", help="CPU threads (default: chosen by torch)")
    add("--seed", type=int, default=0, metavar="N", help=f"seed of all random numbers {DEFAULT}")


def _add_run_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("run").add_argument
    add(
        "--out",
        type=Path,
        metavar="FOLDER",
        help="run folder for checkpoints and logs (default: that of --resume, else run)",
    )
    add(
        "--resume",
        type=Path,
        metavar="RUN",
        help="continue this run folder or last.pt with its data and options. The options of the "
        "groups schedule, computation (without --seed) and run, DATA, --size and --lr may be "
        "changed; another value of the others is an error (default: a new run)",
    )
    add(
        "--stop-after",
        type=int,
        metavar="EPOCH",
        help="end after this epoch, to resume later (default: after --epochs)",
    )
    add(
        "--validate-every",
        type=int,
        default=5,
        metavar="N",
        help=f"epochs between validations {DEFAULT}",
    )
    add(
        "--patience",
        type=int,
        metavar="N",
        help="end after N validations without a higher mAP (default: train all epochs)",
    )
