"""Command-line options of cameras and streams."""

import argparse
import sys
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deepsort_reid.io.live_options import LiveOptions, StreamChange


def add_live_arguments(parser: argparse.ArgumentParser, *, latest: bool = True) -> None:
    """Add the options that `make_live_options` reads; without `latest`, it is always on."""
    group = parser.add_argument_group("cameras and streams")
    if latest:
        group.add_argument(
            "--latest",
            action="store_true",
            help="always take the newest frame: where tracking is slower than the camera, frames "
            "are left out and the delay does not grow (default: use every frame)",
        )
    else:
        parser.set_defaults(latest=True)
    group.add_argument(
        "--stall-timeout",
        type=float,
        default=5.0,
        metavar="SECONDS",
        help="reconnect after so many seconds without a frame (default: 5)",
    )
    group.add_argument(
        "--reconnect",
        type=float,
        default=60.0,
        metavar="SECONDS",
        help="give up after so many seconds of attempts to reconnect; 0: never reconnect, inf: "
        "never give up (default: 60)",
    )
    group.add_argument(
        "--restart-on-size-change",
        action="store_true",
        help="when the camera changes the size of its frames, end all tracks; only people whom the "
        "embedder recognises keep their ids (default: tracks continue)",
    )


def make_live_options(args: argparse.Namespace, command: str = "track") -> "LiveOptions":
    """The options of cameras and streams; `command` prints changes of their state to stderr.

    Raises ValueError that names the option which is out of range.
    """
    from deepsort_reid.io.live_options import LiveOptions

    try:
        return LiveOptions(
            latest=args.latest,
            stall_timeout=args.stall_timeout,
            reconnect=args.reconnect,
            restart_on_size_change=args.restart_on_size_change,
            on_change=None if args.quiet else partial(_print_change, command),
        )
    except ValueError as error:
        raise ValueError(f"--{str(error).replace('_', '-', 1)}") from None


def _print_change(command: str, change: "StreamChange") -> None:
    from deepsort_reid.io.live_options import StreamState

    if change.state is StreamState.ENDED:
        return  # the run ends, and its last line says why
    text = f"{change.state.value} at {change.time:.1f} s ({change.reason})"
    print(f"deepsort-reid {command}: note: {text}", file=sys.stderr)
