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
        help="MOT sequence folder with frames and gt/gt.txt, a folder of such folders, or one "
        "video file with --labels",
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
        help="ground truth of a single SOURCE in MOT format (default: gt/gt.txt of a sequence)",
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
    settings = {"sources": args.source, "labels": args.labels and str(args.labels)}
    progress = CropProgress(args.out, {**settings, "stop": args.stop, **asdict(config)})
    # All sources are opened first, so that nothing is written when one of them is invalid.
    if args.labels is not None and args.tracks is not None:
        raise ValueError("--labels and --tracks: give one of them")
    sources = [
        (name, *_open(video, labels, args.stop, is_result=args.tracks is not None))
        for name, video, labels in _labelled_videos(args.source, args.labels or args.tracks)
    ]
    highest = max(float((truth.xyxy[:, 3] - truth.xyxy[:, 1]).max()) for _, _, truth in sources)
    if highest < args.min_height:
        raise ValueError(
            f"--min-height {args.min_height:g}: nothing to crop, the highest box has {highest:g} px"
        )
    counts = _extract(sources, args.out, config, progress, quiet=args.quiet)
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


def _open(
    path: Path, labels: Path, stop: int | None, *, is_result: bool
) -> "tuple[Video, MotRows]":
    """The opened video and its labelled pedestrians or tracks; ValueError when there is none."""
    from deepsort_reid.io.mot import read_ground_truth, read_results
    from deepsort_reid.io.video_reader import open_video
    from deepsort_reid.reid.data.crop_extraction import select_pedestrians

    truth = read_results(labels) if is_result else select_pedestrians(read_ground_truth(labels))
    if stop is not None:
        truth = truth[truth.frame <= stop]
    video = open_video(path)
    last = int(truth.frame.max(initial=0))
    if last == 0:
        raise ValueError(f"{labels}: expected labelled pedestrians to evaluate, found none")
    if video.length is not None and last > video.length:
        raise ValueError(
            f"{labels}: the labels go to frame {last} but {path} has {video.length} "
            f"frames: give the whole video, or --stop {video.length}"
        )
    return video, truth


def _labelled_videos(sources: list[str], labels: Path | None) -> list[tuple[str, Path, Path]]:
    """Name, video and labels of each source."""
    from deepsort_reid.io.mot_sequences import find_sequences

    if labels is not None:
        if len(sources) != 1:
            raise ValueError(f"--labels, --tracks: expected one SOURCE, got {len(sources)}")
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
