"""Notes on stdout and a progress bar on stderr."""

import os
import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def print_note(text: str) -> None:
    """Print a line on stdout; where nothing reads it any more, it is lost."""
    try:
        print(text, flush=True)
    except OSError:
        # The rest of the buffer, and what follows, goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def progress_bar(
    items: Iterable[T],
    total: int | None,
    *,
    quiet: bool,
    unit: str = "frame",
    title: str | None = None,
    keep: bool = True,
) -> Iterator[T]:
    """Iterate over `items` and show a progress bar on stderr.

    Args:
        items: any iterable.
        total: expected number of items; None where it is unknown.
        quiet: show no bar. There is none either where stderr is not a terminal.
        unit: name of one item.
        title: text in front of the bar.
        keep: leave the finished bar on the screen.
    """
    from tqdm import tqdm

    # None: tqdm shows no bar where stderr is not a terminal.
    disable = True if quiet else None
    return iter(tqdm(items, desc=title, total=total, unit=unit, disable=disable, leave=keep))
