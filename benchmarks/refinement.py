"""Measure delayed and offline refinement: `FixedLag`, and the functions on whole results.

    python -m benchmarks.refinement                     # four groups
    python -m benchmarks.refinement --group MOT17-SDP

These rows use later frames, so they are not comparable with online trackers. The row of the online
`DeepSort()` shows the gain of the delay.
"""

from collections.abc import Callable, Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from benchmarks.lib import cli_options, inputs, provenance, single_core
from benchmarks.lib.evaluation import RunOnInput, evaluate_runs, tracks_to_rows, upper_bound
from benchmarks.lib.inputs import GROUPS, Input
from benchmarks.lib.scoring import HEADER
from deepsort_reid.structures.detections import Detections
from deepsort_reid.structures.mot_rows import MotRows
from deepsort_reid.structures.tracks import Tracks
from deepsort_reid.tracking import DeepSort, FixedLag, Linking
from deepsort_reid.tracking.refinement.offline import fill_gaps, link, smooth

LAGS = (10, 30, 60)  # frames
MAX_GAP = 60  # frames; longest gap that is filled offline


def run_fixed_lag(sequence: Input, tracker: FixedLag) -> tuple[MotRows, float]:
    """Return all rows of the refined output, and the seconds spent."""
    now = single_core.clock()[1]
    start = now()
    output = list(track_all(tracker, sequence.detections))
    seconds = now() - start
    return tracks_to_rows([number for number, _ in output], [t for _, t in output]), seconds


def track_all(
    tracker: DeepSort | FixedLag, detections: Iterable[Detections]
) -> Iterator[tuple[int, Tracks]]:
    """Yield number and tracks of every frame, for online and for delayed trackers."""
    for number, in_frame in enumerate(detections, start=1):
        output = tracker.update(in_frame)
        if isinstance(output, Tracks):
            yield number, output
        elif output is not None:
            yield output
    if isinstance(tracker, FixedLag):
        yield from tracker.flush()


def run_offline(sequence: Input, *steps: Callable[[MotRows], MotRows]) -> tuple[MotRows, float]:
    """Track online, link the result by motion and appearance, then apply `steps` in order.

    Returns the result and the seconds spent.
    """
    now = single_core.clock()[1]
    start = now()
    tracker = DeepSort()
    tracks = [tracker.update(in_frame) for in_frame in sequence.detections]
    result = tracks_to_rows(range(1, sequence.length + 1), tracks)
    result = link(result, _embeddings(sequence, tracks, tracker.config.min_gallery_score))
    for step in steps:
        result = step(result)
    return result, now() - start


def _embeddings(
    sequence: Input, tracks: list[Tracks], min_score: float
) -> NDArray[np.float32] | None:
    """Return the embedding of each row, zero below `min_score`; None where there are none."""
    rows = []
    for in_frame, reported in zip(sequence.detections, tracks, strict=True):
        if in_frame.embedding is None:
            return None
        usable = reported.score >= min_score
        rows.append(in_frame.embedding[reported.detection] * usable[:, None])
    return np.concatenate(rows)


def table_rows() -> Iterator[tuple[str, RunOnInput]]:
    """Yield name and function of every row of the table."""
    yield "DeepSort(), online", lambda sequence: run_fixed_lag(sequence, FixedLag(DeepSort(), 0))
    no_links = Linking(min_llr=1e9, min_llr_motion_only=1e9)
    yield (
        "FixedLag 30, no linking",
        lambda sequence: run_fixed_lag(sequence, FixedLag(DeepSort(), 30, linking=no_links)),
    )
    for lag in LAGS:
        yield (
            f"FixedLag {lag}",
            lambda sequence, lag=lag: run_fixed_lag(  # type: ignore[misc]
                sequence, FixedLag(DeepSort(), lag)
            ),
        )
    yield "offline: linked", run_offline
    yield "+ gaps filled", lambda sequence: run_offline(sequence, fill)
    yield "+ smoothed", lambda sequence: run_offline(sequence, fill, smooth)


def fill(rows: MotRows) -> MotRows:
    """Fill gaps of up to `MAX_GAP` frames."""
    return fill_gaps(rows, MAX_GAP)


def main(argv: list[str] | None = None) -> int:
    parser = cli_options.make_parser("refinement", __doc__)
    cli_options.add_groups(parser)
    cli_options.add_sequences(parser)
    args = parser.parse_args(argv)
    data = inputs.find_data_root(args.data)
    if data is None:
        return 2
    print(provenance.environment_line("numpy", "scipy", "lap"))
    for group in args.group or GROUPS:
        print(f"\n{group}: {', '.join(GROUPS[group])}")
        print(f"{'':32} {HEADER} ms/frame")
        print(f"{'upper bound':32} {upper_bound(group, data=data).combined}")
        for name, run in table_rows():
            result = evaluate_runs(run, GROUPS[group], data)
            print(f"{name:32} {result.combined} {result.ms_per_frame:8.2f}", flush=True)
            for sequence, scores in result.sequences.items() if args.sequences else ():
                print(f"  {sequence:30} {scores}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
