"""Milliseconds per update and accuracy on a crowd, side by side with deep-sort-realtime.

    python -m benchmarks.tracking_speed

The same detections and embeddings (`crowd.py`) for everybody, turn by turn in one process on one
core, galleries of 100 embeddings. Only `update` is timed, in processor time where the clock is
fine enough, so that other work on the machine does not count. Scores with filtered boxes and with
unfiltered ones: steady or matched boxes of ours, deep-sort-realtime's detections. A tracker's own
choice is marked *.
"""

import argparse
import gc
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.lib import bare_operations, one_core, peers, provenance
from benchmarks.lib.configurations import GALLERY, RUNGS
from benchmarks.lib.crowd import Crowd, crowd
from benchmarks.lib.scoring import Figures
from benchmarks.mot import rows
from deepsort_reid.metrics import evaluate
from deepsort_reid.structures.detections import Detections
from deepsort_reid.structures.mot_rows import MotRows
from deepsort_reid.tracking import DeepSort

PEOPLE = (10, 50, 100, 200, 400)
OURS = ("DeepSort()", "as published")
TURN = 10  # frames that one tracker runs before the next: caches stay warm, load is shared


class Contender:
    """A tracker on its way through a crowd: its times and what it reported."""

    own_box = "unfiltered"

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self._now = one_core.clock()[1]
        self._found: dict[str, list[NDArray[Any]]] = {"id": [], "unfiltered": [], "filtered": []}

    def step(self, detections: Detections) -> None:
        """Time one update, then keep what came out."""
        given = self._given(detections)
        now = self._now
        start = now()
        found = self._update(given)
        self.seconds.append(now() - start)
        for name, values in zip(self._found, self._reported(found), strict=True):
            self._found[name].append(values)

    def reported(self, box: str) -> MotRows:
        """All that was reported, with the "unfiltered" or the "filtered" boxes."""
        ids = self._found["id"]
        frame = np.repeat(np.arange(1, len(ids) + 1), [len(each) for each in ids])
        return rows(frame, np.concatenate(ids), np.concatenate(self._found[box]))

    def _given(self, detections: Detections) -> Any:
        return detections

    def _update(self, given: Any) -> Any:
        raise NotImplementedError

    def _reported(self, found: Any) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        return found.id, found.xyxy, found.filtered_xyxy


class Ours(Contender):
    """`DeepSort` of any configuration."""

    def __init__(self, tracker: DeepSort) -> None:
        super().__init__()
        self._update = tracker.update  # type: ignore[method-assign]


class Theirs(Contender):
    """deep-sort-realtime at its defaults with a bounded gallery, lists made before the clock."""

    own_box = "filtered"

    def __init__(self) -> None:
        super().__init__()
        self._tracker = peers.DeepSortRealtime(nn_budget=GALLERY)

    def _given(self, detections: Detections) -> Any:
        return peers.as_deep_sort_realtime(detections)

    def _update(self, given: Any) -> Any:
        return self._tracker.update_tracks(*given)

    def _reported(self, found: Any) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        detected, filtered = peers.boxes_of(found, detected=True), peers.boxes_of(found)
        return peers.ids_of(found), detected, filtered


def contenders() -> dict[str, Contender]:
    """Name -> a fresh tracker, deep-sort-realtime last and only where it is installed."""
    found: dict[str, Contender] = {name: Ours(RUNGS[name]()) for name in OURS}
    if find_spec("deep_sort_realtime"):
        found["deep-sort-realtime"] = Theirs()
    return found


def run(scene: Crowd, found: dict[str, Contender]) -> None:
    """Lead all contenders through the crowd, `TURN` frames each in turn."""
    for start in range(0, len(scene.detections), TURN):
        for contender in found.values():
            for detections in scene.detections[start : start + TURN]:
                contender.step(detections)


def ceiling(scene: Crowd) -> MotRows:
    """The raw detections with their true ids."""
    frame = [np.full(len(each), k) for k, each in enumerate(scene.true_id, start=1)]
    box = [each.xyxy for each in scene.detections]
    ids = np.concatenate(scene.true_id)
    real = ids > 0
    return rows(np.concatenate(frame)[real], ids[real], np.concatenate(box)[real])


def report(people: int, scene: Crowd, found: dict[str, Contender]) -> list[str]:
    """Lines of the table for one size of the crowd."""
    frames = len(scene.detections)
    best = Figures.of(evaluate(scene.truth, ceiling(scene), protocol="plain", frames=frames))
    seen = sum(len(each) for each in scene.detections) / frames
    lines = [
        f"\nN = {people}: {frames} frames, {seen:.1f} detections per frame",
        f"{'':24} median ms   p95 ms   ratio   HOTA   IDF1   filtered: HOTA   IDF1",
        f"{'detections, true ids':24} {'':28} {best.hota:4.1f} {best.idf1:6.1f}",
    ]
    slowest = np.median(list(found.values())[-1].seconds)
    for name, contender in found.items():
        median, high = np.percentile(contender.seconds, [50, 95])
        text = f"{name:24} {1000 * median:9.2f} {1000 * high:8.2f} {slowest / median:7.1f} "
        for box, indent in (("unfiltered", ""), ("filtered", " " * 10)):
            result = contender.reported(box)
            figures = Figures.of(evaluate(scene.truth, result, protocol="plain", frames=frames))
            mark = "*" if box == contender.own_box else " "
            text += f"{indent} {figures.hota:5.1f}{mark}{figures.idf1:6.1f}{mark}"
        lines.append(text.rstrip())
    floor = bare_operations.milliseconds(people, one_core.clock()[1])
    parts = ", ".join(f"{name} {value:.2f}" for name, value in floor.items())
    lines.append(f"{'bare operations':24} {sum(floor.values()):9.2f} = {parts}")
    return lines


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--people", type=int, nargs="+", default=PEOPLE, metavar="N")
    parser.add_argument("--frames", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)
    print(provenance.line("numpy", "scipy", "lap", "deep-sort-realtime"))
    print(f"{one_core.pin()}; {one_core.clock()[0]}; seed {args.seed}")
    for text in peers.missing():
        print(text)
    for people in args.people:
        scene, found = crowd(people, args.frames, args.seed), contenders()
        gc.collect()
        run(scene, found)
        print("\n".join(report(people, scene, found)), flush=True)
    return 0


if __name__ == "__main__":
    status = one_core.restarted("benchmarks.tracking_speed", None)
    sys.exit(main() if status is None else status)
