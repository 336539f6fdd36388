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


def check_some_detections(
    folder: Path, sequences: "Iterable[MotSequence]", args: argparse.Namespace
) -> None:
    """Raise ValueError when no sequence has detections and no option gives them."""
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
        if self._names:
            lines = [f"{', '.join(names)}: {reason}" for reason, names in self._names.items()]
            raise ValueError("; ".join(lines) + remedy)
