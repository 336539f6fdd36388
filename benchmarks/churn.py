"""Measure memory and time of the tracker over a long stream in which persons come and go.

python -m benchmarks.churn
"""

import sys
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

import numpy as np

from benchmarks.lib import cli_options, provenance, single_core
from benchmarks.lib.crowd import simulate
from benchmarks.lib.process_memory import resident_megabytes
from deepsort_reid.tracking import DeepSort

FRAMES, READINGS = 1_000_000, 20
PEOPLE, MEAN_STAY = 15, 150  # persons at a time; mean number of frames that a person stays


class Reading(NamedTuple):
    """State of the process after some frames."""

    frame: int
    megabytes: float
    milliseconds: float  # per update, mean since the last reading
    live_tracks: int
    max_id: int  # ids are dense, so this is the number of ids given so far


def readings(
    tracker: DeepSort, frames: int, interval: int, *, people: int = PEOPLE, seed: int = 0
) -> Iterator[Reading]:
    """Track a changing crowd and yield a reading every `interval` frames."""
    _, now = single_core.clock()
    max_id, seconds = 0, 0.0
    crowd = islice(simulate(people, seed, mean_stay=MEAN_STAY), frames)
    for number, crowd_frame in enumerate(crowd, start=1):
        start = now()
        tracks = tracker.update(crowd_frame.detections)
        seconds += now() - start
        max_id = max(max_id, int(tracks.id.max(initial=0)))
        if number % interval == 0:
            milliseconds, seconds = 1000 * seconds / interval, 0.0
            live = len(tracker.tracks)
            yield Reading(number, resident_megabytes(), milliseconds, live, max_id)


def slope(done: Sequence[Reading]) -> float:
    """Growth of the memory in MB per million frames: least squares over the readings."""
    frame = np.array([reading.frame for reading in done]) / 1e6
    return float(np.polyfit(frame, [reading.megabytes for reading in done], 1)[0])


def main(argv: Sequence[str] | None = None) -> int:
    parser = cli_options.make_parser("churn", __doc__)
    cli_options.add_number(parser, "--frames", FRAMES, "length of the stream")
    cli_options.add_number(parser, "--people", PEOPLE, "persons at a time")
    cli_options.add_number(parser, "--readings", READINGS, "number of readings, at least 4")
    cli_options.add_number(parser, "--seed", 0, "random seed of the crowd")
    args = parser.parse_args(argv)
    if args.readings < 4 or args.frames < args.readings:
        parser.error("expected --readings of 4 or more, and at least as many --frames")
    if (status := single_core.rerun_single_threaded("benchmarks.churn", argv)) is not None:
        return status
    print(provenance.environment_line("numpy", "scipy", "lap"))
    print(
        f"{args.people} persons at a time, each for {MEAN_STAY} frames on average; "
        f"{args.frames} frames, seed {args.seed}; milliseconds of {single_core.clock()[0]}"
    )
    print("  frame   memory MB   ms per update   live tracks   ids given")
    done = []
    interval = args.frames // args.readings
    for reading in readings(DeepSort(), args.frames, interval, people=args.people, seed=args.seed):
        done.append(reading)
        frame, memory, milliseconds, live, ids = reading
        print(f"{frame:7d} {memory:11.2f} {milliseconds:15.2f} {live:13d} {ids:11d}", flush=True)
    late = done[len(done) // 2 :]
    begin, end = done[0], done[-1]
    print(
        f"frames {late[0].frame} to {end.frame}: {slope(late):+.2f} MB per million frames; "
        f"{begin.milliseconds:.2f} ms per update at the begin, {end.milliseconds:.2f} at the end"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
