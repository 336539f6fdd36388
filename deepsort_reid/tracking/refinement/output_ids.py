"""The ids under which a fixed lag reports the tracker's ids."""

from collections.abc import Callable


class OutputIds:
    """Maps each of the tracker's ids to an output id: itself, unless swapped.

    Ids are only ever swapped in pairs, so the mapping stays one to one.
    """

    def __init__(self) -> None:
        self._swapped: dict[int, int] = {}

    def __len__(self) -> int:
        """Number of ids with an entry of their own."""
        return len(self._swapped)

    def of(self, id: int) -> int:
        """The output id of a tracker's id."""
        return self._swapped.get(id, id)

    def swap(self, first: int, second: int) -> None:
        """Exchange the output ids of two of the tracker's ids, from now on."""
        swapped = {first: self.of(second), second: self.of(first)}
        self._swapped = {**self._swapped, **swapped}  # the old one may be restored

    def prune(self, is_used: Callable[[int], bool]) -> None:
        """Drop entries in which neither the tracker's id nor the output id is used."""
        self._swapped = {
            id: output for id, output in self._swapped.items() if is_used(id) or is_used(output)
        }
