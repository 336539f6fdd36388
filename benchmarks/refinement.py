"""What a second of delay, or the whole video, is worth: the corrected streams on the yardstick.

    python -m benchmarks.refinement                     # four groups
    python -m benchmarks.refinement --group MOT17-SDP

These numbers know the future. They stand beside `DeepSort()` online to show what the delay buys,
and are never to be compared with online trackers.
"""

import argparse
from collections.abc import Callable, Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from benchmarks.lib import inputs, one_core, provenance
from benchmarks.lib.inputs import GROUPS, Input
from benchmarks.lib.scoring import HEADER
from benchmarks.mot import Follow, ceiling, evaluate_by, rows_of
from deepsort_reid.structures.detections import Detections
from deepsort_reid.structures.mot_rows import MotRows
from deepsort_reid.structures.tracks import Tracks
from deepsort_reid.tracking import DeepSort, FixedLag, Linking
from deepsort_reid.tracking.refinement.offline import fill_gaps, link, smooth

LAGS = (10, 30, 60)  # frames
MAX_GAP = 60  # frames filled offline


def run_fixed_lag(given: Input, tracker: FixedLag) -> tuple[MotRows, float]:
    """All rows that leave, and the seconds spent."""
    now = one_core.clock()[1]
    start = now()
    left = list(track_all(tracker, given.detections))
    seconds = now() - start
    return rows_of([number for number, _ in left], [tracks for _, tracks in left]), seconds


def track_all(
    tracker: DeepSort | FixedLag, detections: Iterable[Detections]
) -> Iterator[tuple[int, Tracks]]:
    """Number and tracks of every frame, at once or delayed."""
    for number, here in enumerate(detections, start=1):
        found = tracker.update(here)
        if isinstance(found, Tracks):
            yield number, found
        elif found is not None:
            yield found
    if isinstance(tracker, FixedLag):
        yield from tracker.flush()


def offline(given: Input, *improve: Callable[[MotRows], MotRows]) -> tuple[MotRows, float]:
    """The online rows, linked by motion and appearance, then improved; and the seconds spent."""
    now = one_core.clock()[1]
    start = now()
    tracker = DeepSort()
    found = [tracker.update(here) for here in given.detections]
    result = rows_of(range(1, given.length + 1), found)
    result = link(result, _looks(given, found, tracker.config.min_gallery_score))
    for step in improve:
        result = step(result)
    return result, now() - start


def _looks(given: Input, found: list[Tracks], sure: float) -> NDArray[np.float32] | None:
    """The embedding of each row, none of unsure ones; None for an input without embeddings."""
    looks = []
    for here, tracks in zip(given.detections, found, strict=True):
        if here.embedding is None:
            return None
        clean = tracks.score >= sure
        looks.append(here.embedding[tracks.detection] * clean[:, None])
    return np.concatenate(looks)


def rows_of_table() -> Iterator[tuple[str, Follow]]:
    """Name and way of every row."""
    yield "DeepSort(), online", lambda given: run_fixed_lag(given, FixedLag(DeepSort(), 0))
    nobody = Linking(min_llr=1e9, min_llr_motion_only=1e9)
    yield (
        "FixedLag 30, nobody linked",
        lambda given: run_fixed_lag(given, FixedLag(DeepSort(), 30, linking=nobody)),
    )
    for lag in LAGS:
        yield (
            f"FixedLag {lag}",
            lambda given, lag=lag: run_fixed_lag(given, FixedLag(DeepSort(), lag)),  # type: ignore[misc]
        )
    yield "offline: linked", offline
    yield "+ gaps filled", lambda given: offline(given, fill)
    yield "+ smoothed", lambda given: offline(given, fill, smooth)


def fill(found: MotRows) -> MotRows:
    """Gaps of up to `MAX_GAP` frames filled."""
    return fill_gaps(found, MAX_GAP)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    inputs.add_arguments(parser)
    parser.add_argument("--sequences", action="store_true", help="a row for each sequence, too")
    args = parser.parse_args(argv)
    data = inputs.found_root(args.data)
    if data is None:
        return 2
    print(provenance.line("numpy", "scipy", "lap", "filterpy"))
    for group in args.group or GROUPS:
        print(f"\n{group}: {', '.join(GROUPS[group])}")
        print(f"{'':32} {HEADER} ms/frame")
        print(f"{'ceiling of the raw detections':32} {ceiling(group, data=data).combined}")
        for name, follow in rows_of_table():
            found = evaluate_by(follow, GROUPS[group], data)
            print(f"{name:32} {found.combined} {found.ms_per_frame:8.2f}", flush=True)
            for sequence, figures in found.sequences.items() if args.sequences else ():
                print(f"  {sequence:30} {figures}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
