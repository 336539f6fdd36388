"""Options that select sequences of a folder, and the loop that survives an invalid one."""

import argparse
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deepsort_reid.io.mot_sequences import MotSequence

NO_DETECTIONS = (
    "no detections (det/det.txt); give --detector yolox_tiny or another one, or --detections DIR "
    "with SEQUENCE.npz or SEQUENCE.txt"
)


def add_selection_arguments(group: argparse._ActionsContainer) -> None:
    """Add --only and --seqmap."""
    group.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="SEQUENCE",
        help="the sequence of this name, else all sequences whose names begin with it; repeat for "
        "several (default: all sequences)",
    )
    group.add_argument(
        "--seqmap",
        type=Path,
        metavar="FILE",
        help="text file with the names of the sequences to use, one in a line (default: "
        "seqmaps/SPLIT.txt beside a folder SPLIT of TrackEval, else all sequences)",
    )


def selected_sequences(folder: Path, args: argparse.Namespace) -> "list[MotSequence]":
    """The sequences below a folder that --only and --seqmap select.

    Raises ValueError when there is none, or two have one name.
    """
    from deepsort_reid.io.layouts import check_distinct, select_sequences
    from deepsort_reid.io.mot_sequences import find_sequences
    from deepsort_reid.io.trackeval_folders import split_folder

    found = find_sequences(split_folder(folder, "gt"))
    names, _ = select_sequences(
        folder, [each.name for each in found], only=args.only, seqmap=args.seqmap
    )
    selected = [each for each in found if each.name in names]
    check_distinct("sequences", [(each.name, each.folder) for each in selected])
    return selected


def check_inputs(
    folder: Path, sequences: "Iterable[MotSequence]", args: argparse.Namespace
) -> None:
    """Check --detector, --detections and --embedder before the first sequence is read.

    Raises:
        FileNotFoundError: a file or folder of them does not exist.
        ValueError: an option cannot hold for several sequences, or no sequence has detections and
            no option gives them.
    """
    from deepsort_reid.vision.detectors.factory import check_detector

    if args.detector is not None:
        if Path(args.detector).suffix.lower() in {".txt", ".npz"}:
            raise ValueError(
                f"--detector: expected a network for the sequences of {folder}, got "
                f"{args.detector}; --detections DIR has a file for each sequence"
            )
        check_detector(args.detector)
    if args.detections is not None and not args.detections.is_dir():
        raise FileNotFoundError(f"{args.detections}: expected a folder for --detections, got none")
    if args.embedder not in (None, "none") and not Path(args.embedder).is_file():
        raise FileNotFoundError(f"{args.embedder}: no such ONNX file")
    given = args.detector is not None or args.detections is not None
    if not given and all(each.detections is None for each in sequences):
        raise ValueError(f"{folder}: its sequences have {NO_DETECTIONS}")


class Failures:
    """Sequences or trackers that could not be processed, with the reasons.

    The others are processed; `report` raises at the end.
    """

    def __init__(self) -> None:
        self._names: dict[str, list[str]] = {}  # by reason

    def __contains__(self, name: str) -> bool:
        return any(name in names for names in self._names.values())

    @contextmanager
    def noted(self, name: str) -> Iterator[None]:
        """Keep a ValueError or OSError of the block as the reason why `name` failed."""
        from deepsort_reid.cli.main import one_line

        try:
            yield
        except (OSError, ValueError) as error:
            self._names.setdefault(one_line(error), []).append(name)

    def report(self, remedy: str = "") -> None:
        """Raise ValueError with all names and reasons in one line, if there are any."""
        from deepsort_reid.io.layouts import name_list

        if self._names:
            lines = [f"{name_list(names)}: {reason}" for reason, names in self._names.items()]
            raise ValueError("; ".join(lines) + remedy)
