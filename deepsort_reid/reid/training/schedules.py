"""Learning rate schedules: functions from finished epochs to a factor of the base learning rate."""

import math
from collections.abc import Callable

Schedule = Callable[[float], float]


def step_drop(epochs: int, *, at: float = 0.5, factor: float = 0.1) -> Schedule:
    """Factor 1, then `factor` after the fraction `at` of the epochs."""
    return lambda done: 1.0 if done < at * epochs else factor


def flat_cosine(epochs: int, *, warmup_epochs: float = 1.0, decay_from: float = 0.0) -> Schedule:
    """Linear warm-up from 0, constant rate, then a cosine decay to 0 from epoch `decay_from` on.

    With `decay_from` 0 this is the cosine schedule with warm-up. Before `decay_from` the rate does
    not depend on `epochs`, so that a run can be resumed with another number of epochs.

    Raises ValueError when the decay does not start before the last epoch.
    """
    if epochs <= decay_from:
        raise ValueError(
            f"decay_from: expected less than the {epochs} epochs, got {decay_from}; the decay must "
            "start before the end"
        )

    def factor(done: float) -> float:
        warmup = min(done / warmup_epochs, 1.0) if warmup_epochs else 1.0
        progress = max(done - decay_from, 0.0) / (epochs - decay_from)
        return warmup * 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))

    return factor
