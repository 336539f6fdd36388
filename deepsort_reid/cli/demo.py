"""`deepsort-reid demo`: the whole loop on a rendered street; no network, no download, no file."""

import argparse
from pathlib import Path
from typing import Any


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument("--out", type=Path, default=Path("demo"), help="(default: %(default)s)")
    parser.add_argument("--frames", type=int, default=300, help="(default: %(default)s)")
    parser.add_argument("--people", type=int, default=12, help="(default: %(default)s)")
    parser.add_argument("--seed", type=int, default=9, help="another street (default: %(default)s)")
    parser.add_argument("--embedder", help="FILE.onnx, or none (default: the package's own)")
    parser.add_argument("--no-video", action="store_true", help="write no annotated video")
    parser.add_argument("--threads", type=int, help="CPU threads of the embedder")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")


def run(args: argparse.Namespace) -> int:
    """Render, detect, embed, track, score; leave video.mp4, tracks.txt and summary.json."""
    from deepsort_reid.cli.output_folder import OutputFolder, stage_times
    from deepsort_reid.cli.progress import progress_bar
    from deepsort_reid.cli.tracking_options import make_embedder
    from deepsort_reid.pipeline import StageTimer, track_frames
    from deepsort_reid.scene import Street
    from deepsort_reid.tracking import DeepSort
    from deepsort_reid.vision.detectors import BackgroundSubtraction

    street = Street(seed=args.seed, frames=args.frames, people=args.people)
    tracker = DeepSort(embedder=make_embedder(args.embedder, args.threads))
    timer = StageTimer()
    folder = OutputFolder(
        args.out, frame_rate=None if args.no_video else street.frame_rate, draw=not args.no_video
    )
    frames = (frame for _, frame, _ in street)
    with folder:
        found = track_frames(frames, BackgroundSubtraction(), tracker, timer=timer)
        for step in progress_bar(found, args.frames, quiet=args.quiet):
            folder.add(step, timer)
    truth = folder.folder / "truth.txt"
    scores = _scores(street, folder.folder / "tracks.txt", truth)
    # Reading a rendered street is drawing it.
    timer.seconds["render"] = timer.seconds.pop("read", 0.0)
    times = stage_times(timer, folder.frames)
    folder.write_summary({"source": f"rendered street, seed {args.seed}", **scores, **times})
    _print_table({"people": len(folder.ids), **scores}, times, folder.folder)
    return 0


def _scores(street: Any, tracks: Path, truth: Path) -> dict[str, Any]:
    """HOTA, MOTA and IDF1 in percent of the people who can be seen, and how many there were."""
    from deepsort_reid.io.mot import read_results, write_rows
    from deepsort_reid.metrics import evaluate

    # A person who is hidden altogether, or has hardly a foot in the picture, is no miss.
    rows = street.clipped(street.truth)
    rows = rows[rows.visibility >= _LEAST_VISIBLE]
    write_rows(truth, rows, "gt")
    scores = evaluate(rows, read_results(tracks), protocol="plain", frames=street.frames)
    return {
        "hota": round(100 * float(scores.hota.hota.mean()), 1),
        "mota": round(100 * scores.clear.mota, 1),
        "idf1": round(100 * scores.identity.idf1, 1),
        "id_switches": int(scores.clear.switches),
        "true_people": scores.boxes.truth_ids,
    }


_LEAST_VISIBLE = 0.1  # share of the body


def _print_table(scores: dict[str, Any], times: dict[str, Any], out: Path) -> None:
    print(f"HOTA {scores['hota']}   MOTA {scores['mota']}   IDF1 {scores['idf1']}", end="   ")
    people = f"{scores['people']} tracked, {scores['true_people']} there"
    print(f"id switches {scores['id_switches']}   people {people}")
    stages = ", ".join(f"{name} {ms:.1f}" for name, ms in times["milliseconds_per_frame"].items())
    print(f"{times['frames_per_second']} frames per second; ms per frame: {stages}")
    print(f"written to {out}: " + ", ".join(sorted(p.name for p in out.iterdir())))
