"""What a second of delay, or the whole video, is worth: the corrected streams on the yardstick.

    python -m benchmarks.delayed                     # four groups
    python -m benchmarks.delayed --group MOT17-SDP

These numbers know the future. They stand beside `DeepSort()` online to show what the delay buys,
and are never to be compared with online trackers.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks import inputs, one_core, provenance
from benchmarks.inputs import GROUPS, Input
from benchmarks.mot import ceiling, rows, score
from benchmarks.scoring import HEADER
from deepsort_reid.mot import MotRows
from deepsort_reid.tracking import DeepSort, FixedLag, Linking
from deepsort_reid.tracks import Tracks
from deepsort_reid.trajectories import fill_gaps, link, smooth

# A tracker's answer to a whole input, and the seconds it took.
Follow = Callable[[Input], tuple[MotRows, float]]

LAGS = (10, 30, 60)  # frames
MAX_GAP = 60  # frames filled offline


def delayed(given: Input, tracker: FixedLag) -> tuple[MotRows, float]:
    """All rows that leave, and the seconds spent."""
    now = one_core.clock()[1]
    start = now()
    left = [found for here in given.detections if (found := tracker.update(here)) is not None]
    left += tracker.flush()
    seconds = now() - start
    found = [tracks for _, tracks in left]
    return _as_rows([number for number, _ in left], found), seconds


def offline(given: Input, *improve: Callable[[MotRows], MotRows]) -> tuple[MotRows, float]:
    """The online rows, linked by motion and appearance, then improved; and the seconds spent."""
    now = one_core.clock()[1]
    start = now()
    tracker = DeepSort()
    found = [tracker.update(here) for here in given.detections]
    result = _as_rows(range(1, given.length + 1), found)
    result = link(result, _looks(given, found, tracker.config.remember_score))
    for step in improve:
        result = step(result)
    return result, now() - start


def _as_rows(numbers: "list[int] | range", found: list[Tracks]) -> MotRows:
    frame = np.repeat(np.array(numbers), [len(tracks) for tracks in found])
    ids = np.concatenate([tracks.id for tracks in found])
    return rows(frame, ids, np.concatenate([tracks.xyxy for tracks in found]))


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
    yield "DeepSort(), online", lambda given: delayed(given, FixedLag(DeepSort(), 0))
    nobody = Linking(min_evidence=1e9, min_evidence_unseen=1e9)
    yield (
        "FixedLag 30, nobody linked",
        lambda given: delayed(given, FixedLag(DeepSort(), 30, linking=nobody)),
    )
    for lag in LAGS:
        yield (
            f"FixedLag {lag}",
            lambda given, lag=lag: delayed(given, FixedLag(DeepSort(), lag)),  # type: ignore[misc]
        )
    yield "offline: linked", offline
    yield "+ gaps filled", lambda given: offline(given, fill)
    yield "+ smoothed", lambda given: offline(given, fill, smooth)


def fill(found: MotRows) -> MotRows:
    """Gaps of up to `MAX_GAP` frames filled."""
    return fill_gaps(found, MAX_GAP)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--group", choices=GROUPS, action="append", help="default: all four")
    parser.add_argument("--data", type=Path, help="data folder (else DEEPSORT_REID_DATA)")
    parser.add_argument("--sequences", action="store_true", help="a row for each sequence, too")
    args = parser.parse_args(argv)
    try:
        data = inputs.data_root(args.data)
    except FileNotFoundError as error:
        print(error, file=sys.stderr)
        return 2
    print(provenance.line("numpy", "scipy", "lap", "filterpy"))
    for group in args.group or GROUPS:
        print(f"\n{group}: {', '.join(GROUPS[group])}")
        print(f"{'':32} {HEADER} ms/frame")
        print(f"{'ceiling of the raw detections':32} {ceiling(group, data=data).combined}")
        for name, follow in rows_of_table():
            predicted, seconds, frames = {}, 0.0, 0
            for source in GROUPS[group]:
                given = inputs.load(source, data)
                predicted[source], spent = follow(given)
                seconds, frames = seconds + spent, frames + given.length
            found = score(predicted, 1000 * seconds / frames, data)
            print(f"{name:32} {found.combined} {found.ms_per_frame:8.2f}", flush=True)
            for sequence, figures in found.sequences.items() if args.sequences else ():
                print(f"  {sequence:30} {figures}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
