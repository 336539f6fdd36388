"""Measure the memory of the tracker over a long stream in which persons come and go.

python -m benchmarks.memory
"""

import sys
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from benchmarks.lib import cli_options, provenance
from benchmarks.lib.crowd import simulate
from benchmarks.lib.process_memory import resident_megabytes
from deepsort_reid.tracking import DeepSort

FRAMES, INTERVAL = 20_000, 2_000
PEOPLE, MEAN_STAY = 50, 150  # persons at a time; mean number of frames that a person stays


class Reading(NamedTuple):
    """State of the process after some frames."""

    frame: int
    megabytes: float
    live_tracks: int
    max_id: int  # ids are dense, so this is the number of ids given so far


def readings(tracker: DeepSort, frames: int, interval: int, seed: int = 0) -> Iterator[Reading]:
    """Track a changing crowd and yield a reading every `interval` frames."""
    max_id = 0
    crowd = islice(simulate(PEOPLE, seed, mean_stay=MEAN_STAY), frames)
    for number, crowd_frame in enumerate(crowd, start=1):
        tracks = tracker.update(crowd_frame.detections)
        max_id = max(max_id, int(tracks.id.max(initial=0)))
        if number % interval == 0:
            yield Reading(number, resident_megabytes(), len(tracker.tracks), max_id)


def main(argv: Sequence[str] | None = None) -> int:
    parser = cli_options.make_parser("memory", __doc__)
    cli_options.add_number(parser, "--frames", FRAMES, "length of the stream")
    cli_options.add_number(parser, "--every", INTERVAL, "frames between two readings")
    cli_options.add_number(parser, "--seed", 0, "random seed of the crowd")
    args = parser.parse_args(argv)
    print(provenance.environment_line("numpy", "scipy", "lap"))
    print(f"{PEOPLE} persons at a time, each for {MEAN_STAY} frames on average; seed {args.seed}")
    print("frame   memory MB   live tracks   ids given")
    done = []
    for reading in readings(DeepSort(), args.frames, args.every, args.seed):
        done.append(reading)
        frame, memory, live, ids = reading
        print(f"{frame:5d} {memory:11.1f} {live:13d} {ids:11d}", flush=True)
    if len(done) > 1:
        growth = done[-1].megabytes - done[0].megabytes
        print(f"growth of {growth:.1f} MB from frame {done[0].frame} to frame {done[-1].frame}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
