"""The command line: arguments in, one command called, an exit status out.

0: done. 2: bad input or arguments, with one line on stderr. 130: stopped with Ctrl-C.
"""

import argparse
import difflib
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

from deepsort_reid import __version__

PROGRAM = "deepsort-reid"

# Command -> its module in deepsort_reid.cli, and one line of help.
COMMANDS = {
    "demo": ("demo", "the whole loop on a street that the package renders itself; needs no file"),
    "track": ("track", "track people through a video, a camera, images or a MOT sequence"),
    "evaluate": ("evaluate", "score result files against ground truth: HOTA, MOTA, IDF1 and more"),
    "benchmark": ("benchmark", "track and score every MOT sequence below a folder"),
    "compare": ("compare", "whether one tracker's results are really better than another's"),
    "find": ("find", "follow one person through a video by appearance alone"),
    "crop": ("crop", "cut labelled people out of a video into one folder for each identity"),
    "train": ("train", "train the embedder on folders of identities"),
    "eval-reid": ("eval_reid", "score an embedder: CMC, mAP and plots"),
    "export": ("export", "turn a trained checkpoint into ONNX and compare the two"),
}


class _Parser(argparse.ArgumentParser):
    """Complains in one line, as the rest of the command line does, and leaves usage to --help."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line (without the program's name) and return its exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        return _dispatch(arguments)
    except SystemExit as stop:  # argparse leaves this way: 0 after --help, 2 after bad arguments
        return stop.code if isinstance(stop.code, int) else 2


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
        top.error(_unknown(name))
    module_name, help_line = COMMANDS[name]
    label = f"{PROGRAM} {name}"
    # Of a damaged video our own line says what there is to say; FFmpeg would add a page.
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    try:
        command = import_module(f"deepsort_reid.cli.{module_name}")
        parser = _Parser(prog=label, description=f"{help_line[0].upper()}{help_line[1:]}.")
        command.add_arguments(parser)
        status: int | None = command.run(parser.parse_args(arguments[1:]))
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader (head, less) has gone: nothing is wrong, and nothing more can be printed.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (ImportError, KeyboardInterrupt, OSError, ValueError) as error:
        if os.environ.get("DEEPSORT_REID_TRACEBACK") == "1":
            raise
        print(f"{label}: {_one_line(error)}", file=sys.stderr)
        return 130 if isinstance(error, KeyboardInterrupt) else 2
    return status or 0


def _top_parser() -> argparse.ArgumentParser:
    width = max(map(len, COMMANDS))
    listing = "\n".join(f"  {name:<{width}}  {text}" for name, (_, text) in COMMANDS.items())
    parser = _Parser(
        prog=PROGRAM,
        usage=f"{PROGRAM} COMMAND [arguments]",
        description="Track people, keep their ids, and train the embedder that recognises them.",
        epilog=f"commands:\n{listing}\n\n'{PROGRAM} COMMAND --help' tells a command's arguments.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"{PROGRAM} {__version__}")
    return parser


def _unknown(name: str) -> str:
    near = difflib.get_close_matches(name, COMMANDS, n=1, cutoff=0.5)
    known = ", ".join(COMMANDS)
    hint = f"did you mean {near[0]!r}" if near else f"expected one of {known}"
    return f"no command {name!r}; {hint}"


def _one_line(error: BaseException) -> str:
    if isinstance(error, KeyboardInterrupt):
        return "stopped"
    if isinstance(error, ModuleNotFoundError):
        return f"needs the package {error.name}, which is not installed"
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return " ".join(str(error).split()) or type(error).__name__
