"""`deepsort-reid export`: a trained checkpoint as an ONNX file that `Embedder` reads."""

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "weights", type=Path, help="a checkpoint of `train`, or its run folder (best.pt or last.pt)"
    )
    parser.add_argument(
        "--crops", type=Path, required=True, help="real crops to compare on: any data of `train`"
    )
    parser.add_argument(
        "--out", type=Path, default=Path("embedder.onnx"), help="file to write (%(default)s)"
    )
    parser.add_argument(
        "--size",
        type=int,
        nargs=2,
        metavar=("HEIGHT", "WIDTH"),
        help="of the input (default: what it was trained with)",
    )
    parser.add_argument(
        "--flip-tta", action="store_true", help="mean with the mirror image: better, half the speed"
    )
    parser.add_argument("--fp32", action="store_true", help="32 bits: twice the file")
    parser.add_argument("--name", help="in the metadata (default: the backbone)")
    parser.add_argument("--training-data", default="unknown", help="in the metadata")
    parser.add_argument("--licence", default="unknown", help="in the metadata")
    parser.add_argument("--commit", default="unknown", help="of the code, in the metadata")


def run(args: argparse.Namespace) -> int:
    from deepsort_reid.reid.data.datasets import load_images, read_dataset
    from deepsort_reid.reid.export import export_onnx
    from deepsort_reid.reid.training.checkpoint import load_model

    model, state = load_model(args.weights)
    architecture = state["architecture"]
    height, width = args.size or architecture["input_size"]
    samples = read_dataset(args.crops)
    # From all over the data rather than the first person sixty-four times.
    chosen = [samples[k * len(samples) // 64] for k in range(64)]
    crops, _, problems = load_images(list(dict.fromkeys(chosen)), height, width)
    if not len(crops):
        raise ValueError(f"{args.crops}: no usable crop to compare on ({problems[0]})")
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
        mirror=args.flip_tta,
    )
    size = args.out.stat().st_size / 1e6
    print(
        f"{args.out}: {size:.1f} MB, {height}x{width} RGB in, {model.embedding_dim} numbers out, "
        f"worst cosine to PyTorch {cosine:.6f} on {len(crops)} crops"
    )
    return 0
