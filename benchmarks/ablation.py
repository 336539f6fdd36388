"""The ablation table: what each rung is worth, with bootstrap intervals.

    python -m benchmarks.ablation                       # four groups, embeddings as stored
    python -m benchmarks.ablation --embedder FILE.onnx  # the groups with frames, other embeddings

Two tables for each group. The first climbs from DeepSORT as published to the default: the gain of
a rung is over the rung above it. The second changes one thing in the default: the gain is over the
default. In brackets the 95 % interval of a paired bootstrap over blocks of frames; an interval
without zero is marked *.
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.lib import embedding_cache, inputs, provenance
from benchmarks.lib.configurations import ALTERNATIVES, RUNGS
from benchmarks.lib.inputs import GROUPS, GROUPS_WITH_EMBEDDINGS
from benchmarks.mot import Embed, GroupScores, evaluate_group, recovered
from deepsort_reid.metrics import (
    GAP_BINS,
    MetricDifference,
    ScoringRules,
    block_counts,
    bootstrap_differences,
    compare_under_rules,
)
from deepsort_reid.structures.detections import Detections
from deepsort_reid.structures.tracks import Tracks
from deepsort_reid.tracking import DeepSort
from deepsort_reid.vision.camera_motion import CameraMotion, Ecc, SparseFlow

BLOCK = 50  # frames
GAINS = ("HOTA", "AssA", "IDF1")


HEAD = [
    *("", "HOTA", "AssA", "IDF1", "IDSW"),
    *(f"{name} gain" for name in GAINS),
    *(f"back {gap}" for gap in GAP_BINS),
    "ms",
]


def tables(group: str, embeddings: str | Embed | None, data: Path) -> Iterator[str]:
    """Lines of two Markdown tables, as the rows are measured."""

    def measured(make: Callable[[], Any], **how: bool) -> GroupScores:
        return evaluate_group(make, group, embeddings=embeddings, data=data, **how)

    yield from _header(f"{group}, rung by rung")
    above = None
    for name, make in RUNGS.items():
        found = measured(make)
        yield _row(name, found, above, data)
        above = found
    default = measured(DeepSort)
    yield from _header(f"{group}, the default with one thing else")
    yield _row("DeepSort()", default, None, data)
    for name, make in ALTERNATIVES.items():
        yield _row(name, measured(make), default, data)
    for name, found in by_camera(group, measured):
        yield _row(name, found, default, data)


class Watching:
    """The default, told how the camera moved by what it reads off the frames."""

    def __init__(self, motion: Callable[..., CameraMotion]) -> None:
        self._tracker, self._motion = DeepSort(), motion

    def update(self, detections: Detections, *, frame: NDArray[np.uint8]) -> Tracks:
        """The tracks of one frame."""
        return self._tracker.update(detections, camera=self._motion(frame, detections.xyxy).warp)


def by_camera(
    group: str, measured: Callable[..., GroupScores]
) -> Iterator[tuple[str, GroupScores]]:
    """The default told of the camera's motion: off the frames where there are any, or by file."""
    if group in GROUPS_WITH_EMBEDDINGS:
        yield "camera by flow", measured(lambda: Watching(SparseFlow()), with_frames=True)
        yield "camera by ECC", measured(lambda: Watching(Ecc()), with_frames=True)
    else:
        yield "camera by file", measured(DeepSort, with_warps=True)


def _header(title: str) -> list[str]:
    return [f"\n{title}\n", f"| {' | '.join(HEAD)} |", "|---" * len(HEAD) + "|"]


def _row(name: str, found: GroupScores, before: GroupScores | None, data: Path) -> str:
    figures, back = found.combined, recovered(found.predicted, data)
    cells = [name, *(f"{x:.1f}" for x in (figures.hota, figures.assa, figures.idf1))]
    cells.append(str(figures.switches))
    cells += [""] * len(GAINS) if before is None else gain_cells(before, found, data)
    cells += [
        f"{100 * share:.0f} % of {n}" if n else "-"
        for share, n in zip(back.rate, back.num_gaps, strict=True)
    ]
    return f"| {' | '.join([*cells, f'{found.ms_per_frame:.2f}'])} |"


def gain_cells(first: GroupScores, second: GroupScores, data: Path) -> list[str]:
    """Second minus first, for each of `GAINS`: value and 95 % interval."""
    by_name = {
        each.name: each
        for each in bootstrap_differences(_blocks(first, data), _blocks(second, data))
    }
    return [_cell(by_name[name]) for name in GAINS]


def _blocks(found: GroupScores, data: Path) -> dict[str, np.ndarray]:
    counts = {}
    for name, predicted in found.predicted.items():
        given = inputs.load(name, data)
        rules = ScoringRules(protocol=given.protocol)
        comparison = compare_under_rules(given.truth, predicted, rules, frames=given.length)
        counts[name] = block_counts(comparison, BLOCK)
    return counts


def _cell(gain: MetricDifference) -> str:
    low, high = 100 * gain.over_blocks.low, 100 * gain.over_blocks.high
    mark = "*" if gain.over_blocks.sign else ""
    return f"{100 * gain.change:+.1f} [{low:+.1f}, {high:+.1f}]{mark}"


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    inputs.add_arguments(parser)
    parser.add_argument("--embedder", type=Path, metavar="ONNX", help="instead of stored OSNet")
    parser.add_argument(
        "--cache", type=Path, default=embedding_cache.default_cache(), metavar="DIR"
    )
    args = parser.parse_args(argv)
    data = inputs.found_root(args.data)
    if data is None:
        return 2
    print(provenance.line("numpy", "scipy", "lap"))
    embeddings = embedding_cache.stored(args.embedder, args.cache) if args.embedder else "npz"
    for group in args.group or (GROUPS_WITH_EMBEDDINGS if args.embedder else GROUPS):
        for text in tables(group, embeddings, data):
            print(text, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
