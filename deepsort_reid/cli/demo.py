"""`deepsort-reid demo`: detect, embed, track and score people in a rendered street."""

import argparse
from pathlib import Path
from typing import Any

from deepsort_reid.cli.output_options import add_page_argument
from deepsort_reid.cli.tracking_options import (
    add_device_argument,
    add_embedder_argument,
    make_embedder,
)

_MIN_VISIBILITY = 0.1  # visible fraction of the body


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("demo"),
        metavar="DIR",
        help="output folder (default: %(default)s)",
    )
    parser.add_argument(
        "--frames",
        type=int,
        default=300,
        metavar="N",
        help="number of frames to render, at 25 per second (default: %(default)s)",
    )
    parser.add_argument(
        "--people",
        type=int,
        default=12,
        metavar="N",
        help="number of pedestrians (default: %(default)s)",
    )
    parser.add_argument(
        "--seed",
        type=int,
        default=9,
        metavar="N",
        help="seed of the street and its pedestrians (default: %(default)s)",
    )
    add_embedder_argument(parser)
    parser.add_argument(
        "--no-video",
        action="store_true",
        help="write no annotated video (default: write video.mp4)",
    )
    add_page_argument(parser)
    parser.add_argument(
        "--threads",
        type=int,
        metavar="N",
        help="CPU threads of the embedder (default: all cores)",
    )
    add_device_argument(parser, "the network of the embedder")
    parser.add_argument("--quiet", action="store_true", help="print no progress bar (default: off)")


def run(args: argparse.Namespace) -> int:
    """Track a rendered street, write the output folder and print the scores."""
    from deepsort_reid.cli.output_folder import OutputFolder, stage_times
    from deepsort_reid.cli.progress import progress_bar
    from deepsort_reid.pipeline import StageTimer, track_frames
    from deepsort_reid.scene import Street
    from deepsort_reid.tracking import DeepSort
    from deepsort_reid.vision.detectors import BackgroundSubtraction

    street = Street(seed=args.seed, frames=args.frames, people=args.people)
    timer = StageTimer()
    embedder = make_embedder(args.embedder, args.threads, args.device)
    tracker = DeepSort(embedder=embedder and timer.timed("embed", embedder))
    folder = OutputFolder(
        args.out,
        frame_rate=None if args.no_video else street.frame_rate,
        draw=not args.no_video,
        tracker=tracker,
        page=not args.no_page,
    )
    frames = (frame for _, frame, _ in street)
    source = f"rendered street, seed {args.seed}"
    with folder:
        tracked_frames = track_frames(frames, BackgroundSubtraction(), tracker, timer=timer)
        for tracked_frame in progress_bar(tracked_frames, args.frames, quiet=args.quiet):
            folder.add(tracked_frame, timer)
        if folder.people is not None:
            folder.people.reconsider()
        folder.finish()
        scores = _scores(street, folder.folder / "tracks.txt", folder.folder / "truth.txt")
        # To read a frame of the street is to render it.
        timer.seconds["render"] = timer.seconds.pop("read", 0.0)
        times = stage_times(timer, folder.frames)
        folder.write_summary({"source": source, "status": "complete", **scores, **times})
    _print_table({"identities": len(folder.ids), **scores}, times, folder.folder)
    return 0


def _scores(street: Any, tracks: Path, truth: Path) -> dict[str, Any]:
    """Write the ground truth of the visible pedestrians; HOTA, MOTA and IDF1 in percent."""
    from deepsort_reid.io.mot import read_results, write_rows
    from deepsort_reid.metrics import evaluate

    # A pedestrian who is hidden, or almost outside the frame, does not count as missed.
    rows = street.clipped(street.truth)
    rows = rows[rows.visibility >= _MIN_VISIBILITY]
    write_rows(truth, rows, "gt")
    scores = evaluate(rows, read_results(tracks), protocol="plain", frames=street.frames)
    return {
        "hota": round(100 * float(scores.hota.hota.mean()), 1),
        "mota": round(100 * scores.clear.mota, 1),
        "idf1": round(100 * scores.identity.idf1, 1),
        "id_switches": int(scores.clear.switches),
        "true_identities": scores.boxes.truth_ids,
    }


def _print_table(scores: dict[str, Any], times: dict[str, Any], out: Path) -> None:
    print(f"HOTA {scores['hota']}   MOTA {scores['mota']}   IDF1 {scores['idf1']}", end="   ")
    identities = f"{scores['identities']} tracked, {scores['true_identities']} true"
    print(f"id switches {scores['id_switches']}   identities {identities}")
    stages = ", ".join(f"{name} {ms:.1f}" for name, ms in times["milliseconds_per_frame"].items())
    print(f"{times['frames_per_second']} frames per second; ms per frame: {stages}")
    print(f"written to {out}: " + ", ".join(sorted(p.name for p in out.iterdir())))
