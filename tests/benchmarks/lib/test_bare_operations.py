"""Times of the bare NumPy and lap operations."""

from benchmarks.lib import (
    bare_operations,
    single_core,
)


def test_every_operation_has_a_time() -> None:
    found = bare_operations.milliseconds(6, single_core.clock()[1], repeats=2)
    assert list(found) == ["Kalman", "gating", "cosine", "IoU", "assignment"]
    assert all(value >= 0 for value in found.values())
