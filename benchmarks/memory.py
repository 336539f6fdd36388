"""Memory over a long stream: people come and go for 20,000 frames, the tracker stays small.

python -m benchmarks.memory
"""

import argparse
import sys
import tracemalloc
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from benchmarks.lib import provenance
from benchmarks.lib.crowd import walk
from deepsort_reid.tracking import DeepSort

FRAMES, EVERY = 20_000, 2_000
PEOPLE, STAY = 50, 150  # people at a time; frames that one of them stays, on average


class Reading(NamedTuple):
    """State of the process after some frames."""

    frame: int
    megabytes: float
    live_tracks: int
    ids: int  # given so far


def readings(tracker: DeepSort, frames: int, every: int, seed: int = 0) -> Iterator[Reading]:
    """Track a changing crowd; a reading every so many frames."""
    most = 0
    for number, moment in enumerate(islice(walk(PEOPLE, seed, stay=STAY), frames), start=1):
        tracks = tracker.update(moment.detections)
        most = max(most, int(tracks.id.max(initial=0)))
        if number % every == 0:
            yield Reading(number, megabytes(), len(tracker.tracks), most)


def megabytes() -> float:
    """Resident memory of this process; Python's own allocations where the system hides it."""
    status = Path("/proc/self/status")
    if status.is_file():
        for text in status.read_text(encoding="utf-8").splitlines():
            if text.startswith("VmRSS:"):
                return int(text.split()[1]) / 1024
    if not tracemalloc.is_tracing():
        tracemalloc.start()
    return tracemalloc.get_traced_memory()[0] / 2**20


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--frames", type=int, default=FRAMES)
    parser.add_argument("--every", type=int, default=EVERY)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)
    print(provenance.line("numpy", "scipy", "lap"))
    print(f"{PEOPLE} people at a time, each for {STAY} frames on average; seed {args.seed}")
    print("frame   memory MB   live tracks   ids given")
    found = []
    for reading in readings(DeepSort(), args.frames, args.every, args.seed):
        found.append(reading)
        frame, memory, live, ids = reading
        print(f"{frame:5d} {memory:11.1f} {live:13d} {ids:11d}", flush=True)
    if len(found) > 1:
        grown = found[-1].megabytes - found[0].megabytes
        print(f"grown by {grown:.1f} MB from frame {found[0].frame} to frame {found[-1].frame}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
