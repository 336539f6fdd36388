"""Choose a configuration without looking at the scene it is judged on.

    python -m benchmarks.leave_one_out      # among the rungs and what lies around the default

In research:

    found = measure({"a": lambda: DeepSort(a), "b": lambda: DeepSort(b)})
    choice = choose(found)
    choice.held_out["frames+yolox"].idf1, choice.by_scene

For every scene, the configuration that is best on all other scenes is taken; the scores of a group
are those of its sequences, each tracked by the configuration chosen without its scene. When they
are about those of the single best configuration, the choice did not come from luck.
"""

import argparse
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.lib import inputs, provenance
from benchmarks.lib.configurations import ALTERNATIVES, NEIGHBOURS, RUNGS
from benchmarks.lib.inputs import GROUPS
from benchmarks.lib.scoring import HEADER, Figures
from benchmarks.mot import evaluate_group
from deepsort_reid.metrics import Scores

# Configuration -> group -> input -> counts.
Measured = dict[str, dict[str, dict[str, Scores]]]


@dataclass(frozen=True)
class Choice:
    """What leaving one scene out at a time says about some configurations."""

    best: str  # on all scenes
    by_scene: dict[str, str]  # chosen without that scene
    held_out: dict[str, Figures]  # per group
    all_in: dict[str, Figures]  # per group, of `best`


def measure(
    factories: dict[str, Callable[[], Any]],
    groups: tuple[str, ...] = tuple(GROUPS),
    *,
    data: Path | None = None,
    **options: Any,
) -> Measured:
    """Every configuration on every group; `options` as for `evaluate_group`."""
    return {
        name: {
            group: evaluate_group(factory, group, data=data, **options).scores for group in groups
        }
        for name, factory in factories.items()
    }


def choose(measured: Measured, value: Callable[[Figures], float] | None = None) -> Choice:
    """Leave each scene out in turn.

    `value` says how good the figures of a group are; default the mean of HOTA and IDF1. Groups
    count alike.
    """
    value = value or (lambda figures: (figures.hota + figures.idf1) / 2)
    groups = next(iter(measured.values()))
    scenes = sorted({scene_of(name) for counts in groups.values() for name in counts})

    def best_without(left_out: str | None) -> str:
        def worth(configuration: str) -> float:
            kept = (
                [each for name, each in counts.items() if scene_of(name) != left_out]
                for counts in measured[configuration].values()
            )
            return float(np.mean([value(Figures.of(sum(some, Scores()))) for some in kept if some]))

        return max(measured, key=worth)

    best, by_scene = best_without(None), {scene: best_without(scene) for scene in scenes}
    held_out = {
        group: _combined({name: measured[by_scene[scene_of(name)]][group][name] for name in counts})
        for group, counts in groups.items()
    }
    return Choice(best, by_scene, held_out, {g: _combined(c) for g, c in measured[best].items()})


def scene_of(name: str) -> str:
    """What was filmed: MOT16-09-public, MOT17-09-SDP and MOT17-09-DPM show one scene."""
    numbered = re.match(r"MOT1[67]-(\d\d)", name)
    return f"MOT17-{numbered[1]}" if numbered else name.rsplit("-", 1)[0]


def _combined(counts: dict[str, Scores]) -> Figures:
    return Figures.of(sum(counts.values(), Scores()))


def lines(choice: Choice) -> list[str]:
    """What was chosen, and what leaving out costs."""
    width = max(map(len, choice.by_scene))
    found = [f"best on all scenes: {choice.best}", "chosen without a scene:"]
    found += [f"  {scene:{width}}  {name}" for scene, name in choice.by_scene.items()]
    found.append(f"{'':34} {HEADER}")
    for group, figures in choice.all_in.items():
        found.append(f"{group + ', best on all':34} {figures}")
        found.append(f"{group + ', scene left out':34} {choice.held_out[group]}")
    return found


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    inputs.add_arguments(parser)
    args = parser.parse_args(argv)
    data = inputs.found_root(args.data)
    if data is None:
        return 2
    print(provenance.line("numpy", "scipy", "lap"))
    candidates = {**RUNGS, **ALTERNATIVES, **NEIGHBOURS}
    print(f"{len(candidates)} configurations")
    choice = choose(measure(candidates, tuple(args.group or GROUPS), data=data))
    print("\n".join(lines(choice)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
