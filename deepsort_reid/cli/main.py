"""Entry point of the command line: parses the arguments, runs one command, returns a status.

Exit status 0: success. 2: bad input, bad arguments or a missing package, with one line on stderr.
3: `adapt` found no improvement and wrote nothing. 130: interrupted with Ctrl-C; 143 and 129: by
SIGTERM and SIGHUP.
"""

import argparse
import difflib
import os
import re
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

from deepsort_reid import __version__
from deepsort_reid.cli.stop_signals import StopSignal, stop_signals_as_interrupt

PROGRAM = "deepsort-reid"

# Command -> module in deepsort_reid.cli, and one line of help.
COMMANDS = {
    "demo": (
        "demo",
        "detect, embed, track and score people in a rendered street; needs no input file",
    ),
    "track": ("track", "track people through a video, a camera, images or a MOT sequence"),
    "cameras": ("cameras", "track people through several cameras, as the same persons in all"),
    "archive": (
        "archive",
        "track all videos of a folder, and find the same persons in them",
    ),
    "evaluate": ("evaluate", "score result files against ground truth: HOTA, MOTA, IDF1 and more"),
    "benchmark": ("benchmark", "track and score every MOT sequence below a folder"),
    "compare": (
        "compare",
        "compare trackers on the same sequences, with bootstrap intervals",
    ),
    "tune": ("tune", "fit the settings of the tracker to labelled sequences"),
    "review": ("review", "look at the result of a run in a browser, correct it, export it"),
    "find": ("find", "find one person in a video by appearance"),
    "crop": ("crop", "cut labelled people out of videos, one folder for each identity"),
    "train": ("train", "train an embedder on folders of identities"),
    "adapt": ("adapt", "fine-tune an embedder on the people of videos, without labels"),
    "eval-reid": ("eval_reid", "evaluate an embedder: CMC, mAP and plots"),
    "export": ("export", "convert a trained checkpoint to ONNX and compare the two"),
}

# Packages of the extras -> the extra that installs them; for matplotlib also by command.
EXTRAS = {
    "matplotlib": "train",
    "motmetrics": "eval",
    "onnx": "train",
    "onnxscript": "train",
    "optuna": "eval",
    "pyarrow": "cluster",
    "ray": "cluster",
    "starlette": "review",
    "tensorboard": "train",
    "torch": "train",
    "torchvision": "train",
    "uvicorn": "review",
}
EXTRAS_BY_COMMAND = {("eval-reid", "matplotlib"): "eval"}


class _Parser(argparse.ArgumentParser):
    """Argument parser that reports an error in one line and leaves the usage to --help."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: arguments without the name of the program; those of the process when not given.

    Returns:
        The exit status: 0, 2, 3, or 128 and the number of the signal that ended the command.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    _open_standard_streams()
    try:
        return _dispatch(arguments)
    except SystemExit as stop:  # argparse exits with 0 after --help, with 2 after bad arguments
        return stop.code if isinstance(stop.code, int) else 2


def _open_standard_streams() -> None:
    """Open the null device in the place of closed standard streams.

    An output file would take their place otherwise, and get what a library prints.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number
    sys.stdout = sys.stdout or open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w", closefd=False)  # noqa: SIM115


def _dispatch(arguments: list[str]) -> int:
    top = _top_parser()
    if not arguments:
        top.print_help()
        return 0
    name = arguments[0]
    if name.startswith("-"):
        top.parse_args(arguments)
        return 0
    if name not in COMMANDS:
        top.error(_unknown_command(name))
    module_name, help_line = COMMANDS[name]
    label = f"{PROGRAM} {name}"
    # Our own message reports a damaged video or a lost stream; FFmpeg and OpenCV would print a
    # page in addition.
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    os.environ.setdefault("OPENCV_LOG_LEVEL", "ERROR")
    # A small image file can decode to gigabytes. 2^27 pixels take 400 MB.
    os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(2**27))
    try:
        command = import_module(f"deepsort_reid.cli.{module_name}")
        parser = _Parser(prog=label, description=f"{help_line[0].upper()}{help_line[1:]}.")
        command.add_arguments(parser)
        with stop_signals_as_interrupt():
            status: int | None = command.run(parser.parse_args(arguments[1:]))
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader of the pipe (head, less) has closed it. That is no error.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (ImportError, KeyboardInterrupt, MemoryError, OSError, ValueError) as error:
        if os.environ.get("DEEPSORT_REID_TRACEBACK") == "1":
            raise
        if isinstance(error, ModuleNotFoundError) and _missing_module(error) == "deepsort_reid":
            raise  # an error in the package, not in its input
        print(f"{label}: {one_line(error, name)}", file=sys.stderr)
        return 128 + _signal_number(error) if isinstance(error, KeyboardInterrupt) else 2
    return status or 0


def _signal_number(error: KeyboardInterrupt) -> int:
    return error.number if isinstance(error, StopSignal) else 2  # SIGINT


def _top_parser() -> argparse.ArgumentParser:
    width = max(map(len, COMMANDS))
    listing = "\n".join(f"  {name:<{width}}  {text}" for name, (_, text) in COMMANDS.items())
    parser = _Parser(
        prog=PROGRAM,
        usage=f"{PROGRAM} COMMAND [arguments]",
        description="Track people, keep their ids, and train an embedder that re-identifies them.",
        epilog=f"commands:\n{listing}\n\n'{PROGRAM} COMMAND --help' lists its arguments.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"{PROGRAM} {__version__}")
    return parser


def _unknown_command(name: str) -> str:
    """Message for an unknown command, with the nearest known one."""
    near = difflib.get_close_matches(name, COMMANDS, n=1, cutoff=0.5)
    known = ", ".join(COMMANDS)
    hint = f"did you mean {near[0]!r}" if near else f"expected one of {known}"
    return f"no command {name!r}; {hint}"


def one_line(error: BaseException, command: str = "") -> str:
    """The message of an error in one line."""
    if isinstance(error, KeyboardInterrupt):
        return "stopped"
    if isinstance(error, MemoryError):
        return f"not enough memory: {error}" if str(error) else "not enough memory"
    if isinstance(error, ModuleNotFoundError) and _missing_module(error):
        return _missing_package(_missing_module(error), command)
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return " ".join(str(error).split()) or type(error).__name__


def _missing_module(error: ModuleNotFoundError) -> str:
    """Top-level name of the module that was not found; "" where the error does not name it."""
    # An error that comes out of a worker process has lost its `name` before Python 3.12.
    quoted = re.search(r"No module named '([^']+)'", str(error))
    name = error.name or (quoted[1] if quoted else "")
    return name.partition(".")[0]


def _missing_package(package: str, command: str) -> str:
    """Message for a package that is not installed, with the command that installs it."""
    extra = EXTRAS_BY_COMMAND.get((command, package)) or EXTRAS.get(package)
    install = f"'deepsort-reid[{extra}]'" if extra else package
    return f"needs {package}, which is not installed: pip install {install}"
