"""Numbers: conversion of arguments with one kind of error, and the median of few values."""

import math
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


def as_numbers(values: ArrayLike, dtype: type[np.number[Any]], expected: str) -> NDArray[Any]:
    """Return `values` as an array of `dtype`; a value that is too large for it becomes infinite.

    Raises ValueError when there are other values than real numbers, or rows differ in length. Its
    message is `expected` and what was given.
    """
    if type(values) is np.ndarray and values.dtype == dtype:
        return values  # nothing to convert
    try:
        given = np.asarray(values)
        if given.dtype.kind in "cmM":
            raise TypeError(f"cannot convert {given.dtype}")
        with np.errstate(over="ignore"):
            return np.asarray(given, dtype=dtype)
    except (TypeError, ValueError, OverflowError, RuntimeError) as error:
        raise ValueError(f"{expected}, got {values!r:.80}") from error


def as_float(value: Any) -> float:
    """The real number as a float, NaN for anything else and for integers too large for a float."""
    try:
        return float(value) if isinstance(value, Real) else math.nan
    except OverflowError:
        return math.nan


def median(values: NDArray[np.floating[Any]]) -> NDArray[Any]:
    """Median of finite floats (N, ...) along the first axis; N must not be 0.

    Equal to `np.median(values, axis=0)`, which takes several times as long for few values.
    """
    ordered = values.copy()
    ordered.sort(axis=0)
    lower, upper = ordered[(len(values) - 1) // 2], ordered[len(values) // 2]
    return np.asarray((lower + upper) / 2)
