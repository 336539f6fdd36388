"""`deepsort-reid crop`: cut labelled or tracked people out of videos, a folder for each."""

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from deepsort_reid.io.appended_file import AppendedFile

if TYPE_CHECKING:
    from deepsort_reid.cli.crop_progress import CropProgress
    from deepsort_reid.io.video import Video
    from deepsort_reid.reid.data.crop_extraction import CropConfig, CropCounts
    from deepsort_reid.structures.mot_rows import MotRows


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add = parser.add_argument
    add(
        "source",
        nargs="+",
        help="MOT sequence folder with frames and gt/gt.txt, a folder of such folders, a run "
        "folder of `track` as corrected in `review`, or one video file with --labels",
    )
    add(
        "--out",
        type=Path,
        default=Path("crops"),
        metavar="FOLDER",
        help="new or empty folder for the crops and manifest.csv, or that of the same command that "
        "was stopped or killed, which then goes on (default: %(default)s)",
    )
    add(
        "--labels",
        type=Path,
        metavar="FILE",
        help="ground truth of a single SOURCE: MOT text, a file that CVAT exported (XML for video "
        "1.1, or MOT zip), or COCO with track_id (default: gt/gt.txt of a sequence)",
    )
    add(
        "--tracks",
        type=Path,
        metavar="FILE",
        help="tracks of a single SOURCE instead of ground truth, the tracks.txt of `track`: crops "
        "of unknown people, one folder per track, for `train --unlabelled` (default: none)",
    )
    add(
        "--size",
        type=int,
        nargs=2,
        default=(384, 192),
        metavar=("HEIGHT", "WIDTH"),
        help="size of a crop in pixels (default: 384 192)",
    )
    _add_selection_arguments(parser)
    add(
        "--noise-occlusion",
        action="store_true",
        help="add a copy of each crop with three rectangles of noise, and occlusion_preview.png "
        "(default: no copies)",
    )
    add("--seed", type=int, default=0, metavar="N", help="seed of the noise (default: %(default)s)")
    add("--quiet", action="store_true", help="no progress bar (default: shown on a terminal)")


def _add_selection_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that select the boxes to crop."""
    add = parser.add_argument
    add(
        "--min-visibility",
        type=float,
        default=0.3,
        metavar="V",
        help="skip boxes with a smaller visible fraction, 0 to 1; estimated from the other boxes "
        "where the labels do not have it (default: %(default)s)",
    )
    add(
        "--min-height",
        type=float,
        default=32,
        metavar="PIXELS",
        help="skip boxes of less height, in pixels of the frame (default: %(default)s)",
    )
    add(
        "--margin",
        type=float,
        default=0.0,
        metavar="FRACTION",
        help="fraction of the box size to add on each side (default: %(default)s)",
    )
    add(
        "--every",
        type=int,
        default=1,
        metavar="N",
        help="take every Nth frame (default: %(default)s)",
    )
    add("--stop", type=int, metavar="FRAME", help="last frame, included (default: the last label)")


def run(args: argparse.Namespace) -> None:
    from deepsort_reid.cli.crop_progress import CropProgress
    from deepsort_reid.cli.crop_sources import open_crop_sources
    from deepsort_reid.reid.data.crop_extraction import CropConfig

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
    if args.labels is not None and args.tracks is not None:
        raise ValueError("--labels and --tracks: give one of them")
    # All sources are opened first, so that nothing is written when one of them is invalid.
    opened = open_crop_sources(args.source, args.labels, args.tracks, args.stop)
    settings = {"sources": args.source, "labels": args.labels and str(args.labels)}
    # Crops of two states of a review must not be mixed.
    reviews = [each.review for each in opened if each.review is not None]
    settings |= {"reviews": reviews} if reviews else {}
    progress = CropProgress(args.out, {**settings, "stop": args.stop, **asdict(config)})
    sources = [(each.name, each.video, each.rows) for each in opened]
    highest = max(float((truth.xyxy[:, 3] - truth.xyxy[:, 1]).max()) for _, _, truth in sources)
    if highest < args.min_height:
        raise ValueError(
            f"--min-height {args.min_height:g}: nothing to crop, the highest box has {highest:g} px"
        )
    counts = _extract(sources, args.out, config, progress, quiet=args.quiet)
    for each in opened:
        if each.review is not None:
            print(f"{each.name}: {each.review['text']}")
    print(
        f"{counts.written} crops of {len(counts.identities)} identities in {args.out}; skipped: "
        f"{counts.low_visibility} below --min-visibility, {counts.too_small} too small"
    )
    if args.noise_occlusion:
        print(f"each with an occluded copy; examples: {_write_preview(args.out)}")


def _extract(
    sources: "list[tuple[str, Video, MotRows]]",
    folder: Path,
    config: "CropConfig",
    progress: "CropProgress",
    *,
    quiet: bool,
) -> "CropCounts":
    """Extract the crops of all sources; ValueError, and no folder left, when there is none."""
    from deepsort_reid.io.folder_lock import FolderLock
    from deepsort_reid.reid.data.datasets import MANIFEST

    is_new = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    with FolderLock(folder):
        if progress.is_continued:
            # Entries of a frame that was not completed: it is cropped again.
            AppendedFile(folder / MANIFEST, progress.manifest_length).close()
        else:
            (folder / MANIFEST).unlink(missing_ok=True)
            progress.save(0, 0, progress.counts, 0)
        for row in range(progress.source, len(sources)):
            _extract_source(row, *sources[row], folder, config, progress, quiet=quiet)
        counts = progress.counts
        if not counts.written:
            # Removed, because --out must be empty when the command is repeated.
            (folder / MANIFEST).unlink(missing_ok=True)
        progress.remove()
    if not counts.written:
        if is_new:
            folder.rmdir()
        raise ValueError(
            f"nothing to crop: {counts.low_visibility} boxes below --min-visibility, "
            f"{counts.too_small} too small; lower --min-visibility, --min-height or --every"
        )
    return counts


def _extract_source(
    row: int,
    name: str,
    video: "Video",
    truth: "MotRows",
    folder: Path,
    config: "CropConfig",
    progress: "CropProgress",
    *,
    quiet: bool,
) -> None:
    """Extract the crops of one source, after the frames that are complete."""
    from deepsort_reid.cli.progress import progress_bar
    from deepsort_reid.reid.data.crop_extraction import extract_crops
    from deepsort_reid.reid.data.datasets import MANIFEST

    before, manifest = progress.counts, folder / MANIFEST
    start, last = (progress.frame if row == progress.source else 0) + 1, int(truth.frame.max())
    if start > last:
        return
    frames = progress_bar(
        video.iter_frames(start=start, stop=last), last - start + 1, quiet=quiet, title=name
    )
    extract_crops(
        frames,
        truth,
        name,
        folder,
        config,
        lambda frame, counts: progress.save(row, frame, before + counts, manifest.stat().st_size),
    )


def _write_preview(folder: Path) -> Path:
    from deepsort_reid.reid.data.crop_extraction import occlusion_preview
    from deepsort_reid.reid.evaluation.montage import write_png

    path = folder / "occlusion_preview.png"
    write_png(path, occlusion_preview(folder))
    return path
