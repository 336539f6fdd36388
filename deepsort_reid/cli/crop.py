"""`deepsort-reid crop`: identity folders out of labelled video."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deepsort_reid.io.video_reader import Video
    from deepsort_reid.structures.mot_rows import MotRows


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("source", nargs="+", help="MOT sequence, folder of them, or a video file with --labels")
    add("--out", type=Path, default=Path("crops"), help="new folder (default: %(default)s)")
    add("--labels", type=Path, help="ground truth in MOT format, where SOURCE has none beside it")
    add("--size", type=int, nargs=2, default=(384, 192), metavar=("HEIGHT", "WIDTH"))
    add("--min-visibility", type=float, default=0.3, help="0 to 1 (default: %(default)s)")
    add("--min-height", type=float, default=32, help="of a box, pixels (default: %(default)s)")
    add("--margin", type=float, default=0.0, help="share of the box added on each side")
    add("--every", type=int, default=1, help="take every Nth frame")
    add("--stop", type=int, help="last frame to look at")
    add(
        "--noise-occlusion",
        action="store_true",
        help="add copies with noise rectangles, and a preview",
    )
    add("--seed", type=int, default=0, help="of the noise")
    add("--quiet", action="store_true", help="no progress bar")


def run(args: argparse.Namespace) -> None:
    import cv2

    from deepsort_reid.cli.progress import progress_bar
    from deepsort_reid.reid.data.crop_extraction import (
        CropConfig,
        CropCounts,
        extract_crops,
        occlusion_preview,
    )
    from deepsort_reid.reid.data.datasets import MANIFEST

    config = CropConfig(
        height=args.size[0],
        width=args.size[1],
        min_visibility=args.min_visibility,
        min_height=args.min_height,
        margin=args.margin,
        every=args.every,
        noise_occlusion=args.noise_occlusion,
        seed=args.seed,
    )
    if args.out.exists() and (not args.out.is_dir() or any(args.out.iterdir())):
        raise ValueError(f"--out: expected a new or empty folder, {args.out} is not empty")
    is_new = not args.out.exists()
    # All are opened first: what is wrong with the last one is told before anything is written.
    sources = [
        (name, *_open(video, labels, args.stop))
        for name, video, labels in _labelled(args.source, args.labels)
    ]
    tallest = max(float((truth.xyxy[:, 3] - truth.xyxy[:, 1]).max()) for _, _, truth in sources)
    if tallest < args.min_height:
        raise ValueError(
            f"--min-height {args.min_height:g}: nothing to crop, "
            f"the tallest box is {tallest:g} px high"
        )
    counts = CropCounts()
    for name, video, truth in sources:
        last = int(truth.frame.max())
        frames = progress_bar(video.iter_frames(stop=last), last, quiet=args.quiet, title=name)
        counts += extract_crops(frames, truth, name, args.out, config)
    if not counts.written:
        # Nothing but a header: without it the folder can be given again.
        (args.out / MANIFEST).unlink()
        if is_new:
            args.out.rmdir()
        raise ValueError(
            f"nothing to crop: {counts.low_visibility} boxes hidden, {counts.too_small} too small; "
            "lower --min-visibility, --min-height or --every"
        )
    print(
        f"{counts.written} crops of {len(counts.identities)} people in {args.out}; left out: "
        f"{counts.low_visibility} hidden, {counts.too_small} too small"
    )
    if args.noise_occlusion and counts.written:
        preview = args.out / "occlusion_preview.png"
        preview.write_bytes(cv2.imencode(".png", occlusion_preview(args.out))[1].tobytes())
        print(f"each with an occluded copy; {preview} shows some")


def _open(path: Path, labels: Path, stop: int | None) -> "tuple[Video, MotRows]":
    """The video and the people to crop from it, who are at least one."""
    from deepsort_reid.io.mot import read_ground_truth
    from deepsort_reid.io.video_reader import open_video
    from deepsort_reid.reid.data.crop_extraction import select_pedestrians

    truth = select_pedestrians(read_ground_truth(labels))
    if stop is not None:
        truth = truth[truth.frame <= stop]
    video = open_video(path)
    last = int(truth.frame.max(initial=0))
    if last == 0:
        raise ValueError(f"{labels}: no pedestrian to consider in these labels")
    if video.length is not None and last > video.length:
        raise ValueError(
            f"{labels}: the labels go to frame {last} but {path} has {video.length} "
            f"frames: give the whole video, or --stop {video.length}"
        )
    return video, truth


def _labelled(sources: list[str], labels: Path | None) -> list[tuple[str, Path, Path]]:
    """Name, video and labels of everything to crop."""
    from deepsort_reid.io.mot_sequences import find_sequences

    if labels is not None:
        if len(sources) != 1:
            raise ValueError(f"--labels goes with one SOURCE, got {len(sources)}")
        return [(Path(sources[0]).stem, Path(sources[0]), labels)]
    found = []
    for source in map(Path, sources):
        if source.is_file():
            raise ValueError(f"{source}: a video file needs its ground truth: --labels FILE")
        for sequence in find_sequences(source):
            if sequence.frames is None or sequence.ground_truth is None:
                missing = "frames" if sequence.frames is None else "gt/gt.txt"
                raise ValueError(f"{sequence.folder}: nothing to crop, it has no {missing}")
            found.append((sequence.name, sequence.folder, sequence.ground_truth))
    return found
