"""One run of `track`: its frames, from the first one or from a checkpoint, until it ends."""

import argparse
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from deepsort_reid.cli.checkpoint import Checkpoints, Run, open_remaining_frames, read_checkpoint
from deepsort_reid.cli.output_folder import stage_times
from deepsort_reid.cli.progress import progress_bar
from deepsort_reid.cli.stop_signals import interrupted_or_failed
from deepsort_reid.cli.tracking_options import count_frames
from deepsort_reid.io.video import TruncatedVideo, Video
from deepsort_reid.pipeline import TrackedFrame, track_timed_frames
from deepsort_reid.tracking import FixedLag


def track_run(
    args: argparse.Namespace,
    video: Video,
    run: Run,
    description: dict[str, Any],
    note: Callable[[str], None],
    show: Callable[[Any], bool] | None,
) -> str:
    """Track the frames of a run, from its start or its checkpoint, and write summary and files.

    Args:
        args: arguments of the command.
        video: the source.
        run: everything that changes from frame to frame.
        description: source, models and settings, for the summary.
        note: prints a note.
        show: shows an annotated frame; the run ends when it returns False. None to show nothing.

    Returns why the source ended early, "" after its last frame.
    """
    folder = run.folder
    settings = description | _settings(args, video)
    start = _resume(args, video, run, settings, note) if args.resume else args.start
    total = count_frames(video.length, args)
    total = None if total is None else max(total - folder.frames, 0)
    try:
        with (
            open_remaining_frames(video, run, start, args.stop, args.every) as frames,
            Checkpoints(run, settings, args.checkpoint_every, args.lag) as checkpoints,
        ):
            tracked = track_timed_frames(
                frames,
                run.detector,
                run.tracker,
                camera_motion=run.camera_motion,
                timer=run.timer,
                pending=run.pending,
                while_buffering=checkpoints.while_buffering,
                before_flush=checkpoints.save,
            )
            tracked_frames = progress_bar(tracked, total, quiet=args.quiet)
            truncated = _write_frames(tracked_frames, run, checkpoints, show)
        if folder.people is not None:
            folder.people.reconsider()
        folder.finish()
    except BaseException as error:
        with suppress(Exception):  # the frames before the error
            _write_buffered(run)
        with suppress(OSError):  # of a full disk, for example: the first error is reported
            _finish(args, video, run, description, interrupted_or_failed(error))
        raise
    times = _finish(args, video, run, description, truncated or "complete")
    note(f"{folder.describe()}, {times['frames_per_second']} frames per second -> {folder.folder}")
    return truncated


def _write_buffered(run: Run) -> None:
    """Write the frames that a fixed lag holds back, after a stop or an error."""
    if isinstance(run.tracker, FixedLag):
        lagged = run.tracker.flush()
        if len(lagged) == len(run.pending):  # not where an update was cut short
            for (number, seconds, frame, _), detections in run.pending:
                tracks = lagged.pop(0).tracks
                run.folder.add(TrackedFrame(number, seconds, frame, detections, tracks), run.timer)


def _finish(
    args: argparse.Namespace, video: Video, run: Run, description: dict[str, Any], status: str
) -> dict[str, Any]:
    """Complete the files and write the summary; returns the times of the stages."""
    run.folder.finish()
    stream = {} if video.live is None else {"stream": video.live.report()}
    times = stage_times(run.timer, run.folder.frames)
    if run.folder.frames:
        notes = {"notes": run.notes(description)}
        run.folder.write_summary(description | {"status": status} | stream | notes | times)
    if status == "complete" or not args.checkpoint_every:
        run.folder.remove_checkpoint()
    return times


def _settings(args: argparse.Namespace, video: Video) -> dict[str, Any]:
    """Options, beside those of the summary, that a continued run must share."""
    names = ("start", "every", "min_score", "classes", "camera_motion", "format", "save_detections")
    options = {name.replace("_", "-"): getattr(args, name) for name in (*names, "explain")}
    options["registry"] = None if args.registry is None else str(args.registry)
    files = {"no-video": args.no_video, "no-page": args.no_page}
    return {**options, **files, "size": list(video.size)}


def _resume(
    args: argparse.Namespace,
    video: Video,
    run: Run,
    settings: dict[str, Any],
    note: Callable[[str], None],
) -> int:
    """Restore the run of the last checkpoint; returns the number of the next frame to track."""
    state = read_checkpoint(run.folder.folder, settings, note)
    if state is None:
        return int(args.start)
    run.load_state_dict(state)
    run.read_again(video, state, args.start, args.every)
    note(f"continuing after frame {run.last_frame}")
    return run.last_frame + int(args.every)


def _write_frames(
    frames: Iterator[TrackedFrame],
    run: Run,
    checkpoints: Checkpoints,
    show: Callable[[Any], bool] | None,
) -> str:
    """Write every tracked frame; returns why the source ended early, "" after its last frame."""
    try:
        for frame in frames:
            run.diagnostics.add(frame.detections, frame.tracks, frame.frame)
            image = run.folder.add(frame, run.timer)
            checkpoints.after(frame)
            if show is not None and not show(image):
                break
    except TruncatedVideo as error:
        return str(error)
    return ""
