"""Measure the time that the person registry takes: per update, and per search of a person.

    python -m benchmarks.registry_speed

People are random directions with noise; every embedding is storable. The updates are those between
two searches (the number of embeddings of a track doubles in between), on average, in memory and
with a file in a temporary folder, to which everything in view is written in every 25th update. A
search is an ended track that is added to a registry of that many tracks of as many people.
"""

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.lib import cli_options, provenance, single_core
from deepsort_reid.identity import PersonRegistry

IN_VIEW = (1, 10, 50)
STORED = (100, 1000, 10000)
CAMERAS = 20
FRAME_RATE = 25
NOISE = 0.02  # standard deviation of each number of an embedding; a direction has length 1


def unit(rows: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the rows (N, D) with length 1."""
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


def time_updates(people: int, dim: int, frames: int, path: Path | None, seed: int) -> list[float]:
    """Return the seconds of each update, searches left out."""
    rng = np.random.default_rng(seed)
    directions = unit(rng.normal(size=(people, dim)))
    ids, storable = np.arange(1, people + 1), np.ones(people, dtype=bool)
    seconds, now = [], single_core.clock()[1]
    with PersonRegistry(path) as registry:
        for frame in range(frames):
            embedding = unit(directions + NOISE * rng.normal(size=directions.shape))
            if frame % FRAME_RATE == 0:
                registry._operations._next_write = 0.0  # as if a second had passed
            start = now()
            registry.update("camera", frame / FRAME_RATE, ids, embedding, storable)
            seconds.append(now() - start)
    searches = {2**power - 1 for power in range(frames.bit_length())}
    return [each for frame, each in enumerate(seconds) if frame not in searches]


def time_searches(sizes: Sequence[int], dim: int, seed: int) -> list[float]:
    """Return the median seconds per added track at each size of the registry."""
    rng = np.random.default_rng(seed)
    registry, now = PersonRegistry(), single_core.clock()[1]
    seconds: list[float] = []
    for number in range(max(sizes)):
        embedding = unit(rng.normal(size=(2, dim)))
        start = now()
        registry.add_track(f"camera {number % CAMERAS}", number, number + 5, embedding)
        seconds.append(now() - start)
    return [float(np.median(seconds[max(0, size - 100) : size])) for size in sizes]


def main(argv: Sequence[str] | None = None) -> int:
    parser = cli_options.make_parser("registry_speed", __doc__)
    for name, default, meaning in (
        ("--in-view", IN_VIEW, "numbers of tracks in view"),
        ("--stored", STORED, "numbers of stored tracks"),
    ):
        text = " ".join(map(str, default))
        parser.add_argument(
            name,
            type=int,
            nargs="+",
            default=default,
            metavar="N",
            help=f"{meaning} (default: {text})",
        )
    cli_options.add_number(parser, "--dim", 384, "length of an embedding")
    cli_options.add_number(parser, "--frames", 1000, "updates per number of tracks in view")
    cli_options.add_number(parser, "--seed", 0, "random seed")
    args = parser.parse_args(argv)
    print(provenance.environment_line("numpy"))
    print(f"{single_core.pin_to_core()}; {single_core.clock()[0]}; {args.dim}-d; seed {args.seed}")
    print("tracks in view   microseconds per update: memory    with a file")
    for people in args.in_view:
        with tempfile.TemporaryDirectory() as folder:
            paths = (None, Path(folder) / "people.sqlite")
            found = [time_updates(people, args.dim, args.frames, each, args.seed) for each in paths]
        memory, stored = (1e6 * float(np.mean(each[len(each) // 2 :])) for each in found)
        print(f"{people:14} {memory:33.0f} {stored:14.0f}")
    print("tracks stored    milliseconds per search")
    for size, each in zip(
        args.stored, time_searches(args.stored, args.dim, args.seed), strict=True
    ):
        print(f"{size:13} {1000 * each:26.2f}")
    return 0


if __name__ == "__main__":
    status = single_core.rerun_single_threaded("benchmarks.registry_speed", None)
    sys.exit(main() if status is None else status)
