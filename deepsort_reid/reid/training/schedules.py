"""Learning rate over time: each gives a function from epochs done to a factor of the base rate."""

import math
from collections.abc import Callable

Schedule = Callable[[float], float]


def step_drop(epochs: int, *, at: float = 0.5, factor: float = 0.1) -> Schedule:
    """1, then `factor` from the share `at` of the epochs on."""
    return lambda done: 1.0 if done < at * epochs else factor


def flat_cosine(epochs: int, *, warmup_epochs: float = 1.0, decay_from: float = 0.0) -> Schedule:
    """Linear warm-up from 0, constant rate, then a cosine decay to 0 from epoch `decay_from` on.

    Before `decay_from` it does not depend on `epochs`, so a run may be resumed with other ones.
    `decay_from` 0 is the cosine with warm-up.
    """
    if epochs <= decay_from:
        raise ValueError(f"the decay must start before the end, got {decay_from} of {epochs}")

    def rate(done: float) -> float:
        rise = min(done / warmup_epochs, 1.0) if warmup_epochs else 1.0
        fall = max(done - decay_from, 0.0) / (epochs - decay_from)
        return rise * 0.5 * (1 + math.cos(math.pi * min(fall, 1.0)))

    return rate
