"""Journal of changes, from which an operation that ends with an exception is undone."""

from collections.abc import Callable
from typing import Any


class Journal:
    """What reverts each change of one operation, in the order of the changes.

    An entry is written before its change, and reverting it twice does no harm: an interrupt may
    come at any place, also while an operation is undone.
    """

    def __init__(self) -> None:
        self._entries: list[tuple[Callable[..., Any], tuple[Any, ...]]] = []

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, revert: Callable[..., Any], *arguments: Any) -> None:
        """Note how the next change is reverted: by calling `revert(*arguments)`."""
        self._entries.append((revert, arguments))

    def undo(self) -> None:
        """Revert all changes, the last one first."""
        while self._entries:
            revert, arguments = self._entries[-1]
            revert(*arguments)
            self._entries.pop()

    def clear(self) -> None:
        """Begin a new operation; the changes so far can no longer be undone."""
        self._entries.clear()
