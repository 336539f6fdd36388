"""Tuning judged by leaving one sequence out at a time.

The scores of settings on the sequences for which they were chosen are too good. So for every
sequence, settings are searched on all the others, and scored on it: what users may expect on a
video that was not part of the tuning. The settings that are returned are those of one more search,
on all sequences.
"""

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.metrics import MetricDifference, bootstrap_differences
from deepsort_reid.tuning.evaluation import METRICS, LabelledSequence, score, value
from deepsort_reid.tuning.search_space import (
    Parameter,
    Settings,
    default_settings,
    search_space,
)
from deepsort_reid.tuning.trial_log import Trial, TrialLog

Array = NDArray[np.float64]

ALL = ""  # name of the search that leaves no sequence out
# The first trials change a few settings of the default: it is good already, and nearly all settings
# that are drawn at random from the whole space are worse.
START_TRIALS, CHANGED_SETTINGS = 20, 3


@dataclass(frozen=True, eq=False)
class Tuning:
    """The result of a tuning.

    Attributes:
        metric: the key of `METRICS` that was maximised.
        settings: best on all sequences.
        default_settings: the values of the default.
        without: for each sequence, the best settings on the others.
        differences: the scores of `without`, each on its sequence, minus those of the default.
        default: the metric of the default on all sequences together.
        held_out: the same of `without`, each on its sequence.
    """

    metric: str
    settings: Settings
    default_settings: Settings
    without: dict[str, Settings]
    differences: list[MetricDifference]
    default: float
    held_out: float

    @property
    def is_better(self) -> bool:
        """Whether the settings beat the default on sequences that were left out."""
        return self.held_out > self.default

    @property
    def is_conclusive(self) -> bool:
        """Whether the interval over blocks of each part of the metric is above 0."""
        parts = METRICS[self.metric]
        return all(each.over_blocks.sign > 0 for each in self.differences if each.name in parts)


def tune(
    sequences: Sequence[LabelledSequence],
    log: TrialLog,
    *,
    trials: int,
    metric: str = "mean",
    seed: int = 0,
    on_trial: Callable[[], object] = lambda: None,
) -> Tuning:
    """Search settings without each of the sequences, and with all.

    Args:
        sequences: at least two, with different names.
        log: trials of earlier runs, which are not measured again; gets the new ones.
        trials: number of settings that each search measures, the default included.
        metric: a key of `METRICS`, which is maximised.
        seed: of the random numbers.
        on_trial: called after each trial, also for those of the log.

    Settings are proposed by a tree-structured Parzen estimator (Bergstra et al. 2011, Optuna's).

    Raises ValueError when there are fewer than two sequences or names that are not unique.
    """
    names = [each.name for each in sequences]
    if len(names) < 2 or len(set(names)) < len(names):
        raise ValueError(
            "expected at least two sequences with different names, to leave one out, got "
            f"{', '.join(names) or 'none'}"
        )
    space = search_space([frame for each in sequences for frame in each.detections])
    best: dict[str, Settings] = {}
    for left_out in (*names, ALL):
        others = [each for each in sequences if each.name != left_out]
        best[left_out] = _search(left_out, others, space, log, trials, metric, seed, on_trial)
    settings = best.pop(ALL)
    default = {each.name: score(each, default_settings(space)) for each in sequences}
    tuned = {each.name: score(each, best[each.name]) for each in sequences}
    return Tuning(
        metric=metric,
        settings=settings,
        default_settings=default_settings(space),
        without=best,
        differences=bootstrap_differences(default, tuned, seed=seed),
        default=_value_of(default, metric),
        held_out=_value_of(tuned, metric),
    )


def _search(
    left_out: str,
    sequences: Sequence[LabelledSequence],
    space: Sequence[Parameter],
    log: TrialLog,
    trials: int,
    metric: str,
    seed: int,
    on_trial: Callable[[], object],
) -> Settings:
    """The settings with the best `lower_bound` on these sequences, which is 0 for the default."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    distributions = {each.name: _distribution(each) for each in space}
    study = optuna.create_study(direction="maximize")
    default = default_settings(space)
    for number in range(trials):
        known = log.of(left_out)
        if number == len(known):
            # Random numbers of each trial: an interrupted search continues as it would have.
            key = zlib.crc32(f"{seed} {left_out} {number}".encode())
            if number == 0:
                settings = default
            elif number < min(START_TRIALS, trials // 2):
                settings = _changed(default, space, np.random.default_rng(key))
            else:
                study.sampler = optuna.samplers.TPESampler(seed=key, n_startup_trials=0)
                settings = study.ask(distributions).params
            values = {each.name: value(score(each, settings).sum(0), metric) for each in sequences}
            log.add(Trial(left_out, settings, values))
        first, trial = log.of(left_out)[0], log.of(left_out)[number]
        study.add_trial(
            optuna.trial.create_trial(
                params=trial.settings,
                distributions=distributions,
                value=lower_bound(trial.values, first.values),
            )
        )
        on_trial()
    first, *_ = found = log.of(left_out)[:trials]
    return max(found, key=lambda trial: lower_bound(trial.values, first.values)).settings


def lower_bound(values: Mapping[str, float], default: Mapping[str, float]) -> float:
    """The mean change of sequences from their default values, minus its standard error.

    Settings that gain on one sequence and lose on others gained by chance: their mean is the best
    of many, and therefore too good.
    """
    change = np.array([values[name] - default[name] for name in default])
    error = change.std(ddof=1) / np.sqrt(len(change)) if len(change) > 1 else 0.0
    return float(change.mean() - error)


def _changed(default: Settings, space: Sequence[Parameter], rng: np.random.Generator) -> Settings:
    """The default with random values of a few settings."""
    settings = dict(default)
    for index in rng.choice(len(space), min(CHANGED_SETTINGS, len(space)), replace=False):
        name, low, high, is_count = space[index]
        drawn = rng.integers(int(low), int(high) + 1) if is_count else rng.uniform(low, high)
        settings[name] = drawn.item() if is_count else float(drawn)
    return settings


def _distribution(parameter: Parameter) -> Any:
    from optuna.distributions import FloatDistribution, IntDistribution

    if parameter.is_count:
        low, high = int(parameter.low), int(parameter.high)
        return IntDistribution(low, high, log=high >= 30)
    return FloatDistribution(parameter.low, parameter.high)


def _value_of(counts: dict[str, Array], metric: str) -> float:
    total: Array = np.sum([each.sum(axis=0) for each in counts.values()], axis=0)
    return value(total, metric)
