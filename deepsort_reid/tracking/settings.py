"""Checks of the numbers in settings: association, motion models, galleries, linking."""

from numbers import Integral
from typing import Any

from deepsort_reid.structures.numbers import as_float

# Magnitude of settings: their squares, times those of pixels, are far from overflow.
_LARGEST = 1e9
_SMALLEST = 1e-9


def require_finite(settings: Any, *names: str) -> None:
    """Raise ValueError unless these attributes are numbers from -1e9 to 1e9."""
    for name in names:
        value = getattr(settings, name)
        if not abs(as_float(value)) <= _LARGEST:
            raise ValueError(f"{name} must be finite, got {value!r:.80} (allowed: up to 1e9)")


def require_positive(settings: Any, *names: str) -> None:
    """Raise ValueError unless these attributes are numbers from 1e-9 to 1e9."""
    for name in names:
        value = getattr(settings, name)
        if not _SMALLEST <= as_float(value) <= _LARGEST:
            raise ValueError(
                f"{name} must be a number above 0, got {value!r:.80} (allowed: 1e-9 to 1e9)"
            )


def require_in_range(settings: Any, name: str, low: float, high: float) -> None:
    """Raise ValueError unless this attribute is a number from `low` to `high`."""
    value = getattr(settings, name)
    if not low <= as_float(value) <= high:
        raise ValueError(f"{name} must be in [{low:g}, {high:g}], got {value!r:.80}")


def is_count(value: Any, low: int) -> bool:
    """Whether the value is a whole number from `low` to 10**9."""
    is_whole = isinstance(value, Integral) and not isinstance(value, bool)
    return is_whole and low <= int(value) <= _LARGEST


def require_type(name: str, value: Any, *kinds: type) -> None:
    """Raise ValueError unless the value is an object of one of these classes."""
    if not isinstance(value, kinds):
        expected = " or ".join(kind.__name__ for kind in kinds)
        raise ValueError(f"{name} must be {expected}, got {type(value).__name__} {value!r:.80}")
