"""Choose a configuration without the scene on which it is evaluated.

    python -m benchmarks.leave_one_out

From Python:

    measured = measure({"a": lambda: DeepSort(a), "b": lambda: DeepSort(b)})
    choice = choose(measured)
    choice.held_out["frames+yolox"].idf1, choice.by_scene

For every scene, the configuration that is best on all other scenes is chosen. The scores of a group
are those of its sequences, each tracked by the configuration chosen without its scene. If they are
close to those of the single best configuration, the choice does not overfit. The candidates are all
configurations of `benchmarks.ablation` and variations of single parameters.
"""

import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.lib import cli_options, inputs, provenance
from benchmarks.lib.configurations import CUMULATIVE, PARAMETER_VALUES, SINGLE_CHANGES
from benchmarks.lib.evaluation import evaluate_group
from benchmarks.lib.inputs import GROUPS
from benchmarks.lib.scoring import HEADER, ScoreRow
from deepsort_reid.metrics import Scores

# Configuration -> group -> input -> counts.
Measured = dict[str, dict[str, dict[str, Scores]]]


@dataclass(frozen=True)
class Choice:
    """Result of leaving one scene out at a time."""

    best: str  # configuration that is best on all scenes
    by_scene: dict[str, str]  # scene -> configuration chosen without it
    held_out: dict[str, ScoreRow]  # group -> scores with the configurations of `by_scene`
    best_on_all: dict[str, ScoreRow]  # group -> scores with `best`


def measure(
    factories: dict[str, Callable[[], Any]],
    groups: tuple[str, ...] = tuple(GROUPS),
    *,
    data: Path | None = None,
    **options: Any,
) -> Measured:
    """Evaluate every configuration on every group; `options` as for `evaluate_group`."""
    return {
        name: {
            group: evaluate_group(factory, group, data=data, **options).scores for group in groups
        }
        for name, factory in factories.items()
    }


def choose(measured: Measured, value: Callable[[ScoreRow], float] | None = None) -> Choice:
    """Leave each scene out in turn and choose the best configuration on the others.

    Args:
        measured: as `measure` returns it.
        value: how good the scores of a group are; default the mean of HOTA and IDF1. All groups
            have the same weight.
    """
    value = value or (lambda scores: (scores.hota + scores.idf1) / 2)
    groups = next(iter(measured.values()))
    scenes = sorted({scene_of(name) for counts in groups.values() for name in counts})

    def best_without(left_out: str | None) -> str:
        def mean_value(configuration: str) -> float:
            by_group = (
                [each for name, each in counts.items() if scene_of(name) != left_out]
                for counts in measured[configuration].values()
            )
            return float(
                np.mean([value(ScoreRow.of(sum(some, Scores()))) for some in by_group if some])
            )

        return max(measured, key=mean_value)

    best, by_scene = best_without(None), {scene: best_without(scene) for scene in scenes}
    held_out = {
        group: _combined({name: measured[by_scene[scene_of(name)]][group][name] for name in counts})
        for group, counts in groups.items()
    }
    best_on_all = {group: _combined(counts) for group, counts in measured[best].items()}
    return Choice(best, by_scene, held_out, best_on_all)


def scene_of(name: str) -> str:
    """Return the scene of an input: MOT16-09-public and MOT17-09-SDP show the same one."""
    numbered = re.match(r"MOT1[67]-(\d\d)", name)
    return f"MOT17-{numbered[1]}" if numbered else name.rsplit("-", 1)[0]


def _combined(counts: dict[str, Scores]) -> ScoreRow:
    return ScoreRow.of(sum(counts.values(), Scores()))


def report(choice: Choice) -> list[str]:
    """Return the lines of the report: choices, and scores with and without the left-out scene."""
    width = max(map(len, choice.by_scene))
    lines = [f"best on all scenes: {choice.best}", "chosen without a scene:"]
    lines += [f"  {scene:{width}}  {name}" for scene, name in choice.by_scene.items()]
    lines.append(f"{'':34} {HEADER}")
    for group, scores in choice.best_on_all.items():
        lines.append(f"{group + ', best on all':34} {scores}")
        lines.append(f"{group + ', scene left out':34} {choice.held_out[group]}")
    return lines


def main(argv: Sequence[str] | None = None) -> int:
    parser = cli_options.make_parser("leave_one_out", __doc__)
    cli_options.add_groups(parser)
    args = parser.parse_args(argv)
    data = inputs.find_data_root(args.data)
    if data is None:
        return 2
    print(provenance.environment_line("numpy", "scipy", "lap"))
    candidates = {**CUMULATIVE, **SINGLE_CHANGES, **PARAMETER_VALUES}
    print(f"{len(candidates)} configurations")
    choice = choose(measure(candidates, tuple(args.group or GROUPS), data=data))
    print("\n".join(report(choice)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
