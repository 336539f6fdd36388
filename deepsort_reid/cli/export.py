"""`deepsort-reid export`: convert a trained checkpoint to an ONNX file for `Embedder`."""

import argparse
from pathlib import Path

NUM_CROPS = 64  # images on which ONNX and PyTorch are compared


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = "Needs the extra [train]."
    add = parser.add_argument
    add(
        "checkpoint",
        type=Path,
        help="checkpoint of `train`, or its run folder, of which best.pt is preferred to last.pt",
    )
    add(
        "--crops",
        type=Path,
        required=True,
        metavar="DATA",
        help=f"folder with crops, in subfolders or not; {NUM_CROPS} of them are used to compare "
        "ONNX and PyTorch (required)",
    )
    add(
        "--out",
        type=Path,
        default=Path("embedder.onnx"),
        metavar="FILE",
        help="file to write (default: %(default)s)",
    )
    add(
        "--size",
        type=int,
        nargs=2,
        metavar=("HEIGHT", "WIDTH"),
        help="input size in pixels (default: the size in training)",
    )
    add(
        "--flip-tta",
        action="store_true",
        help="average the embeddings of the image and its horizontal flip: more accurate, half the "
        "speed (default: the image alone)",
    )
    add(
        "--fp32",
        action="store_true",
        help="store weights in 32 bits, twice the file size (default: 16 bits)",
    )
    add("--name", metavar="TEXT", help="name in the metadata (default: the backbone)")
    for option, meaning in (
        ("--training-data", "description of the training data"),
        ("--licence", "licence of the file"),
        ("--commit", "commit of the training code"),
    ):
        add(
            option,
            default="unknown",
            metavar="TEXT",
            help=f"{meaning}, in the metadata (default: %(default)s)",
        )


def run(args: argparse.Namespace) -> int:
    from deepsort_reid.reid.data.datasets import load_images, read_unlabelled
    from deepsort_reid.reid.training.run_folder import checkpoint_file

    # Missing paths are reported before torch is imported, which is slow.
    samples = read_unlabelled(args.crops)
    checkpoint_file(args.checkpoint, prefer_best=True)
    from deepsort_reid.reid.export import export_onnx
    from deepsort_reid.reid.training.checkpoint import load_model

    model, state = load_model(args.checkpoint)
    architecture = state["architecture"]
    height, width = args.size or architecture["input_size"]
    # Spread over all identities instead of the first images.
    chosen = [samples[k * len(samples) // NUM_CROPS] for k in range(NUM_CROPS)]
    crops, _, problems = load_images(list(dict.fromkeys(chosen)), height, width)
    if not len(crops):
        raise ValueError(f"{args.crops}: no usable image to compare on ({problems[0]})")
    cosine = export_onnx(
        model,
        args.out,
        crops,
        {
            "name": args.name or architecture["backbone"],
            "training_data": args.training_data,
            "licence": args.licence,
            "commit": args.commit,
            "epochs": str(state["state"]["epoch"]),
        },
        half_weights=not args.fp32,
        flip_tta=args.flip_tta,
    )
    size = args.out.stat().st_size / 1e6
    print(
        f"{args.out}: {size:.1f} MB, input {height}x{width} RGB, {model.embedding_dim}-d "
        f"embedding, lowest cosine to PyTorch {cosine:.6f} on {len(crops)} images"
    )
    return 0
