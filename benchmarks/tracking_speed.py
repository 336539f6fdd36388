"""Measure milliseconds per update and accuracy on a simulated crowd, beside deep-sort-realtime.

    python -m benchmarks.tracking_speed
    python -m benchmarks.tracking_speed --against 71023de     # an earlier revision

All trackers get the same detections and embeddings (`lib/crowd.py`) and run in turns in one process
on one core, with galleries of 100 embeddings. Only `update` is timed, in processor time where that
clock is fine enough. Scores are given for unfiltered boxes (`tracks.xyxy` of this package, boxes of
the detections for deep-sort-realtime) and for Kalman-filtered boxes; * marks what a tracker reports
by default. A `FixedLag` runs beside them, for its time as a multiple of that of the tracker in it;
its output is corrected by later frames, so its scores are not comparable with the others.

With --against, the default tracker is compared with that of another revision instead, each in a
process of its own on the same core, in turns: the whole call, `Detections(...)` included, `update`,
and the part of it that assigns persons.
"""

import gc
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.lib import (
    bare_operations,
    cli_options,
    peers,
    provenance,
    single_core,
    timed_revision,
)
from benchmarks.lib.configurations import CUMULATIVE, GALLERY_BUDGET
from benchmarks.lib.crowd import Crowd, crowd
from benchmarks.lib.evaluation import result_rows
from benchmarks.lib.scoring import ScoreRow
from deepsort_reid.metrics import evaluate
from deepsort_reid.structures.detections import Detections
from deepsort_reid.structures.mot_rows import MotRows
from deepsort_reid.tracking import DeepSort, FixedLag

PEOPLE = (10, 50, 100, 200, 400)
CONFIGURATIONS = ("DeepSort()", "as published")
LAG = 30
DELAYED = f"FixedLag(.., {LAG})"
TURN = 10  # frames that a tracker runs before the next one: equal load, warm caches


class TimedTracker:
    """A tracker with its update times and results on one crowd."""

    default_box = "unfiltered"

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self._now = single_core.clock()[1]
        self._results: dict[str, list[NDArray[Any]]] = {"id": [], "unfiltered": [], "filtered": []}

    def step(self, detections: Detections) -> None:
        """Time one update and store its result."""
        arguments = self._convert(detections)
        now = self._now
        start = now()
        tracks = self._update(arguments)
        self.seconds.append(now() - start)
        if tracks is None:  # nothing is due yet
            return
        for name, values in zip(self._results, self._columns(tracks), strict=True):
            self._results[name].append(values)

    def reported(self, box: str) -> MotRows:
        """Return all results with the "unfiltered" or the "filtered" boxes."""
        ids = self._results["id"]
        frame = np.repeat(np.arange(1, len(ids) + 1), [len(each) for each in ids])
        return result_rows(frame, np.concatenate(ids), np.concatenate(self._results[box]))

    def _convert(self, detections: Detections) -> Any:
        """Convert the detections to the argument of `_update`; not timed."""
        return detections

    def _update(self, arguments: Any) -> Any:
        raise NotImplementedError

    def _columns(self, tracks: Any) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        """Return ids, unfiltered boxes and filtered boxes."""
        return tracks.id, tracks.xyxy, tracks.filtered_xyxy


class TimedDeepSort(TimedTracker):
    """`DeepSort` with any configuration."""

    def __init__(self, tracker: DeepSort) -> None:
        super().__init__()
        self._update = tracker.update  # type: ignore[method-assign]


class TimedFixedLag(TimedTracker):
    """`FixedLag` over a `DeepSort` of its own, with a delay of 30 frames."""

    def __init__(self) -> None:
        super().__init__()
        self._fixed_lag = FixedLag(DeepSort(), LAG)

    def reported(self, box: str) -> MotRows:
        """Return all results, the frames still buffered included."""
        for lagged in self._fixed_lag.flush():
            for name, values in zip(self._results, self._columns(lagged), strict=True):
                self._results[name].append(values)
        return super().reported(box)

    def _update(self, arguments: Any) -> Any:
        return self._fixed_lag.update(arguments)

    def _columns(self, tracks: Any) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        return super()._columns(tracks.tracks)


class TimedDeepSortRealtime(TimedTracker):
    """deep-sort-realtime at its defaults, except for the bounded gallery."""

    default_box = "filtered"

    def __init__(self) -> None:
        super().__init__()
        self._tracker = peers.DeepSortRealtime(nn_budget=GALLERY_BUDGET)

    def _convert(self, detections: Detections) -> Any:
        return peers.as_deep_sort_realtime(detections)

    def _update(self, arguments: Any) -> Any:
        return self._tracker.update_tracks(*arguments)

    def _columns(self, tracks: Any) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        detected, filtered = peers.boxes_of(tracks, detected=True), peers.boxes_of(tracks)
        return peers.ids_of(tracks), detected, filtered


def make_trackers() -> dict[str, TimedTracker]:
    """Return new trackers by name; deep-sort-realtime is the last one, if it is installed."""
    trackers: dict[str, TimedTracker] = {DELAYED: TimedFixedLag()}
    trackers.update((name, TimedDeepSort(CUMULATIVE[name]())) for name in CONFIGURATIONS)
    if find_spec("deep_sort_realtime"):
        trackers["deep-sort-realtime"] = TimedDeepSortRealtime()
    return trackers


def run(scene: Crowd, trackers: dict[str, TimedTracker]) -> None:
    """Run all trackers over the crowd in turns of `TURN` frames."""
    for start in range(0, len(scene.detections), TURN):
        for tracker in trackers.values():
            for detections in scene.detections[start : start + TURN]:
                tracker.step(detections)


def upper_bound(scene: Crowd) -> MotRows:
    """Return the raw detections, without false positives, with their true ids."""
    frame = [np.full(len(ids), k) for k, ids in enumerate(scene.true_id, start=1)]
    xyxy = [detections.xyxy for detections in scene.detections]
    ids = np.concatenate(scene.true_id)
    true = ids > 0
    return result_rows(np.concatenate(frame)[true], ids[true], np.concatenate(xyxy)[true])


def report(people: int, scene: Crowd, trackers: dict[str, TimedTracker]) -> list[str]:
    """Return the lines of the table for one size of the crowd."""
    frames = len(scene.detections)
    best = ScoreRow.of(evaluate(scene.truth, upper_bound(scene), protocol="plain", frames=frames))
    detected = sum(len(each) for each in scene.detections) / frames
    lines = [
        f"\nN = {people}: {frames} frames, {detected:.1f} detections per frame",
        f"{'':24} median ms   p95 ms   ratio   HOTA   IDF1   filtered: HOTA   IDF1",
        f"{'detections, true ids':24} {'':28} {best.hota:4.1f} {best.idf1:6.1f}",
    ]
    reference = np.median(list(trackers.values())[-1].seconds)
    for name, tracker in trackers.items():
        median, high = np.percentile(tracker.seconds, [50, 95])
        text = f"{name:24} {1000 * median:9.2f} {1000 * high:8.2f} {reference / median:7.1f} "
        for box, indent in (("unfiltered", ""), ("filtered", " " * 10)):
            result = tracker.reported(box)
            scores = ScoreRow.of(evaluate(scene.truth, result, protocol="plain", frames=frames))
            mark = "*" if box == tracker.default_box else " "
            text += f"{indent} {scores.hota:5.1f}{mark}{scores.idf1:6.1f}{mark}"
        lines.append(text.rstrip())
    if frames > LAG:  # before, nothing is due
        delayed, online = (
            1000 * float(np.mean(trackers[name].seconds[LAG:])) for name in (DELAYED, "DeepSort()")
        )
        lines.append(
            f"{DELAYED} takes {delayed / online:.2f} times DeepSort(): "
            f"mean {delayed:.2f} and {online:.2f} ms"
        )
    bound = bare_operations.milliseconds(people, single_core.clock()[1])
    parts = ", ".join(f"{name} {value:.2f}" for name, value in bound.items())
    lines.append(f"{'bare operations':24} {sum(bound.values()):9.2f} = {parts}")
    return lines


def compare_revisions(revision: str, sizes: Sequence[int], frames: int, seed: int) -> int:
    """Print the times of this revision and of another one for each size of the crowd."""
    try:
        with timed_revision.checkout(revision) as folder:
            for people in sizes:
                given = crowd(people, frames, seed).detections
                arrays = [(each.xyxy, each.score, each.embedding) for each in given]
                print(f"\nN = {people}: {frames} frames, median milliseconds")
                times = timed_revision.compare(arrays, folder, TURN)
                lines = timed_revision.comparison_lines(times, ["this revision", revision])
                print("\n".join(lines), flush=True)
    except ValueError as error:
        print(f"--against: {error}", file=sys.stderr)
        return 2
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    parser = cli_options.make_parser("tracking_speed", __doc__)
    parser.add_argument(
        "--people",
        type=int,
        nargs="+",
        default=PEOPLE,
        metavar="N",
        help=f"sizes of the crowd in persons (default: {' '.join(map(str, PEOPLE))})",
    )
    cli_options.add_number(parser, "--frames", 300, "frames per size of the crowd")
    cli_options.add_number(parser, "--seed", 0, "random seed of the crowd")
    parser.add_argument(
        "--against",
        metavar="REVISION",
        help="compare with the tracker of a git revision, or of the checkout in a folder "
        "(default: with deep-sort-realtime)",
    )
    args = parser.parse_args(argv)
    print(provenance.environment_line("numpy", "scipy", "lap", "deep-sort-realtime"))
    print(f"{single_core.pin_to_core()}; {single_core.clock()[0]}; seed {args.seed}")
    if args.against:
        return compare_revisions(args.against, args.people, args.frames, args.seed)
    for line in peers.missing():
        print(line)
    for people in args.people:
        scene, trackers = crowd(people, args.frames, args.seed), make_trackers()
        gc.collect()
        run(scene, trackers)
        print("\n".join(report(people, scene, trackers)), flush=True)
    return 0


if __name__ == "__main__":
    status = single_core.rerun_single_threaded("benchmarks.tracking_speed", None)
    sys.exit(main() if status is None else status)
