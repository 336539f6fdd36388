"""Measure what each component of the tracker contributes, with bootstrap intervals.

    python -m benchmarks.ablation                       # four groups, stored embeddings
    python -m benchmarks.ablation --embedder FILE.onnx  # groups with frames, other embeddings

Two tables for each group. The first is cumulative, from DeepSORT as published to the default: the
gain of a row is over the row above. The second changes one component of the default: the gain is
over the default. In brackets the 95 % interval of a paired bootstrap over blocks of frames; an
interval without zero is marked *. The columns "re-id" give the share of identities that have the
same id before and after a gap, by the length of the gap in frames.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.lib import cli_options, embedding_cache, inputs, provenance
from benchmarks.lib.configurations import CUMULATIVE, SINGLE_CHANGES
from benchmarks.lib.evaluation import (
    EmbedInput,
    GroupScores,
    count_reid_after_gap,
    evaluate_group,
)
from benchmarks.lib.inputs import GROUPS, GROUPS_WITH_EMBEDDINGS
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

BLOCK_LENGTH = 50  # frames
GAIN_METRICS = ("HOTA", "AssA", "IDF1")
COLUMNS = [
    *("", "HOTA", "AssA", "IDF1", "IDSW"),
    *(f"{name} gain" for name in GAIN_METRICS),
    *(f"re-id {gap}" for gap in GAP_BINS),
    "ms",
]


def tables(group: str, embeddings: str | EmbedInput | None, data: Path) -> Iterator[str]:
    """Yield the lines of both Markdown tables of a group, as the rows are measured."""

    def measure(factory: Callable[[], Any], **options: bool) -> GroupScores:
        return evaluate_group(factory, group, embeddings=embeddings, data=data, **options)

    yield from _header(f"{group}, cumulative")
    previous = None
    for name, factory in CUMULATIVE.items():
        result = measure(factory)
        yield _row(name, result, previous, data)
        previous = result
    default = measure(DeepSort)
    yield from _header(f"{group}, single changes to the default")
    yield _row("DeepSort()", default, None, data)
    for name, factory in SINGLE_CHANGES.items():
        yield _row(name, measure(factory), default, data)
    for name, result in camera_motion_rows(group, measure):
        yield _row(name, result, default, data)


class CameraMotionDeepSort:
    """The default tracker with the camera motion estimated from the frames.

    Args:
        estimator: estimates the camera motion.
    """

    def __init__(self, estimator: Callable[..., CameraMotion]) -> None:
        self._tracker, self._estimator = DeepSort(), estimator

    def update(self, detections: Detections, *, frame: NDArray[np.uint8]) -> Tracks:
        """Return the tracks of one frame, BGR uint8."""
        warp = self._estimator(frame, detections.xyxy).warp
        return self._tracker.update(detections, camera=warp)


def camera_motion_rows(
    group: str, measure: Callable[..., GroupScores]
) -> Iterator[tuple[str, GroupScores]]:
    """Measure the default with camera motion: estimated where there are frames, else from files."""
    if group in GROUPS_WITH_EMBEDDINGS:
        yield (
            "camera motion by sparse flow",
            measure(lambda: CameraMotionDeepSort(SparseFlow()), with_frames=True),
        )
        yield (
            "camera motion by ECC",
            measure(lambda: CameraMotionDeepSort(Ecc()), with_frames=True),
        )
    else:
        yield "camera motion from file", measure(DeepSort, with_warps=True)


def _header(title: str) -> list[str]:
    return [f"\n{title}\n", f"| {' | '.join(COLUMNS)} |", "|---" * len(COLUMNS) + "|"]


def _row(name: str, result: GroupScores, reference: GroupScores | None, data: Path) -> str:
    scores, reid = result.combined, count_reid_after_gap(result.predicted, data)
    cells = [name, *(f"{x:.1f}" for x in (scores.hota, scores.assa, scores.idf1))]
    cells.append(str(scores.switches))
    cells += [""] * len(GAIN_METRICS) if reference is None else gain_cells(reference, result, data)
    cells += [
        f"{100 * rate:.0f} % of {n}" if n else "-"
        for rate, n in zip(reid.rate, reid.num_gaps, strict=True)
    ]
    return f"| {' | '.join([*cells, f'{result.ms_per_frame:.2f}'])} |"


def gain_cells(first: GroupScores, second: GroupScores, data: Path) -> list[str]:
    """Return second minus first for each of `GAIN_METRICS`: value and 95 % interval."""
    differences = bootstrap_differences(_block_counts(first, data), _block_counts(second, data))
    by_name = {each.name: each for each in differences}
    return [_cell(by_name[name]) for name in GAIN_METRICS]


def _block_counts(result: GroupScores, data: Path) -> dict[str, np.ndarray]:
    counts = {}
    for name, predicted in result.predicted.items():
        sequence = inputs.load(name, data)
        rules = ScoringRules(protocol=sequence.protocol)
        comparison = compare_under_rules(sequence.truth, predicted, rules, frames=sequence.length)
        counts[name] = block_counts(comparison, BLOCK_LENGTH)
    return counts


def _cell(gain: MetricDifference) -> str:
    low, high = 100 * gain.over_blocks.low, 100 * gain.over_blocks.high
    mark = "*" if gain.over_blocks.sign else ""
    return f"{100 * gain.change:+.1f} [{low:+.1f}, {high:+.1f}]{mark}"


def main(argv: Sequence[str] | None = None) -> int:
    parser = cli_options.make_parser("ablation", __doc__)
    cli_options.add_groups(parser)
    cli_options.add_input_embedder(parser)
    args = parser.parse_args(argv)
    data = inputs.find_data_root(args.data)
    if data is None:
        return 2
    print(provenance.environment_line("numpy", "scipy", "lap"))
    embeddings = (
        embedding_cache.cached_embeddings(args.embedder, args.cache) if args.embedder else "npz"
    )
    for group in args.group or (GROUPS_WITH_EMBEDDINGS if args.embedder else GROUPS):
        for line in tables(group, embeddings, data):
            print(line, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
