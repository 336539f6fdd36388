"""Compare configurations of DeepSort, an upper bound and other trackers on the same detections.

    python -m benchmarks.mot                     # all rows, four groups of sequences
    python -m benchmarks.mot --group MOT17-SDP --only DeepSort

The table has HOTA, DetA, AssA, MOTA and IDF1 in per cent, identity switches, and milliseconds of
processor time per frame. The upper bound are the raw detections with ids from the ground truth.
"""

import argparse
import sys
from collections.abc import Iterator
from typing import Any

from benchmarks.lib import cli_options, embedding_cache, inputs, peers, provenance
from benchmarks.lib.configurations import CUMULATIVE
from benchmarks.lib.evaluation import (
    EmbedInput,
    GroupScores,
    count_reid_after_gap,
    evaluate_group,
    trackeval_scores,
    upper_bound,
)
from benchmarks.lib.inputs import GROUPS, GROUPS_WITH_EMBEDDINGS
from benchmarks.lib.scoring import HEADER
from deepsort_reid.metrics import reid_after_gap_table


def measured_rows(
    group: str, name_filter: str, options: dict[str, Any]
) -> Iterator[tuple[str, GroupScores]]:
    """Measure and yield the rows of one group's table.

    Args:
        group: a key of `GROUPS`.
        name_filter: only rows whose name contains this text.
        options: keyword arguments of `evaluate_group`.
    """
    if name_filter in "upper bound":
        yield "upper bound", upper_bound(group, data=options["data"])
    for name, factory in CUMULATIVE.items():
        if name_filter in name:
            yield name, evaluate_group(factory, group, **options)
    without_video = {**options, "with_frames": False, "with_warps": False}
    for name, factory in peers.available().items():
        has_embeddings = group in GROUPS_WITH_EMBEDDINGS and options["embeddings"] is not None
        can_run = has_embeddings or not name.startswith("deep-sort-realtime")
        if name_filter in name and can_run:
            yield name, evaluate_group(factory, group, **without_video)


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = cli_options.make_parser("mot", __doc__)
    cli_options.add_groups(parser)
    parser.add_argument(
        "--only",
        default="",
        metavar="TEXT",
        help="measure only rows whose name contains TEXT (default: all rows)",
    )
    cli_options.add_input_embedder(parser)
    parser.add_argument(
        "--motion-only", action="store_true", help="track without embeddings (default: with)"
    )
    parser.add_argument(
        "--frames",
        action="store_true",
        help="pass the images to DeepSort.update (default: detections only)",
    )
    parser.add_argument(
        "--warps",
        action="store_true",
        help="pass the camera motion from files to DeepSort.update (default: no camera motion)",
    )
    cli_options.add_sequences(parser)
    parser.add_argument(
        "--reid-after-gap",
        action="store_true",
        help="print how often the id is the same after a gap, by gap length (default: no)",
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="print the scores of TrackEval below each row (default: no)",
    )
    return parser


def main(argv: list[str] | None = None) -> int:
    args = make_parser().parse_args(argv)
    try:
        data = inputs.data_root(args.data)
        if args.check:
            provenance.require("trackeval")
    except (FileNotFoundError, ModuleNotFoundError) as error:
        print(error, file=sys.stderr)
        return 2
    print(provenance.environment_line("numpy", "trackeval", "deep-sort-realtime", "trackers"))
    for line in peers.missing():
        print(line)
    for group in args.group or GROUPS:
        embeddings: str | EmbedInput | None = None if args.motion_only else "npz"
        if args.embedder and group in GROUPS_WITH_EMBEDDINGS:
            embeddings = embedding_cache.cached_embeddings(args.embedder, args.cache)
        options = {"data": data, "embeddings": embeddings, "with_warps": args.warps}
        options["with_frames"] = args.frames and group in GROUPS_WITH_EMBEDDINGS
        print_group(group, options, args)
    return 0


def print_group(group: str, options: dict[str, Any], args: argparse.Namespace) -> None:
    """Measure and print the table of one group; `options` as for `measured_rows`."""
    print(f"\n{group}: {', '.join(GROUPS[group])}")
    print(f"{'':32} {HEADER} ms/frame")
    reid_counts = {}
    for name, result in measured_rows(group, args.only, options):
        reid_counts[name] = count_reid_after_gap(result.predicted, options["data"])
        print(f"{name:32} {result.combined} {result.ms_per_frame:8.2f}", flush=True)
        for sequence, scores in result.sequences.items() if args.sequences else ():
            print(f"  {sequence:30} {scores}")
        if args.check:
            scores = trackeval_scores(result.predicted, options["data"])
            print(f"{'  by TrackEval':32} {scores}", flush=True)
    if args.reid_after_gap:
        print(f"same id after a gap\n{reid_after_gap_table(reid_counts)}")


if __name__ == "__main__":
    raise SystemExit(main())
