"""Fuzz the tracker with random settings, scenes and arguments, and count what goes wrong.

    python -m benchmarks.fuzz 100000 0          100,000 frames from seed 0

Every episode of 80 frames is one tracker with random settings (all fields of the configuration,
associations, motion models, galleries, presets, `FixedLag`, explanations). Invalid arguments must
be refused with ValueError, and leave the state as it was to the bit, as must interrupted updates.
The exit status is 1 after any other exception, any warning or a broken property; the seed of an
episode reproduces it.
"""

import sys
from collections.abc import Sequence

from benchmarks.lib import cli_options, provenance
from benchmarks.lib.fuzzing import EPISODE_FRAMES, Findings, run_episode

FRAMES, SEED = 10_000, 0
COUNTS = (
    *("frames", "episodes", "updates", "rows", "delayed rows", "explanations"),
    *("refused calls", "interrupted calls", "exceptions", "warnings", "broken properties"),
)
MAX_FAILURES = 20  # that are printed


def run(frames: int, seed: int) -> Findings:
    """Run episodes with the seeds `seed`, `seed` + 1, ... until `frames` frames are done.

    Ctrl-C ends it early, with the findings so far.
    """
    findings, done = Findings(), 0
    try:
        while done < frames:
            findings.add(run_episode(seed, min(EPISODE_FRAMES, frames - done)))
            done, seed = done + min(EPISODE_FRAMES, frames - done), seed + 1
    except KeyboardInterrupt:
        print(f"interrupted in the episode with seed {seed}")
    return findings


def main(argv: Sequence[str] | None = None) -> int:
    """Print the counts and the failures."""
    parser = cli_options.make_parser("fuzz", __doc__)
    parser.add_argument(
        "frames", type=int, nargs="?", default=FRAMES, help="frames (default: %(default)s)"
    )
    parser.add_argument(
        "seed", type=int, nargs="?", default=SEED, help="first seed (default: %(default)s)"
    )
    args = parser.parse_args(argv)
    print(provenance.environment_line("numpy", "scipy", "lap"))
    findings = run(args.frames, args.seed)
    for name in COUNTS:
        print(f"{name:20}{findings.counts[name]:10,}")
    for failure in findings.failures[:MAX_FAILURES]:
        print(failure)
    return 1 if findings.failures else 0


if __name__ == "__main__":
    sys.exit(main())
