"""Tune the settings of the tracker on benchmark sequences, each left out once.

    python -m benchmarks.tuning

The same search as that of `deepsort-reid tune`. The changes are those on the sequence that was left
out: what the settings found on the others are worth on it.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.lib import cli_options, embedding_cache, inputs, provenance
from benchmarks.lib.evaluation import with_embeddings
from benchmarks.lib.inputs import GROUPS, GROUPS_WITH_EMBEDDINGS
from deepsort_reid.cli.progress import progress_bar
from deepsort_reid.cli.tune import result_lines
from deepsort_reid.metrics import ScoringRules
from deepsort_reid.tuning import LabelledSequence, tune
from deepsort_reid.tuning.trial_log import TrialLog
from deepsort_reid.vision.embedder import shipped_embedder_path


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = cli_options.make_parser("tuning", __doc__)
    parser.add_argument(
        "--group",
        choices=tuple(GROUPS),
        default="MOT17-SDP",
        help="sequences (default: MOT17-SDP)",
    )
    cli_options.add_number(parser, "--trials", 100, "settings that each search measures")
    cli_options.add_cache(parser)
    cli_options.add_data(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Print the scores of the default and of the settings found on the other sequences."""
    args = make_parser().parse_args(argv)
    data = inputs.find_data_root(args.data)
    if data is None:
        return 2
    print(provenance.environment_line("numpy", "optuna"), flush=True)
    embeddings = None
    if args.group in GROUPS_WITH_EMBEDDINGS:
        embeddings = embedding_cache.cached_embeddings(shipped_embedder_path(), args.cache)
    sequences = []
    for name in GROUPS[args.group]:
        source = inputs.load(name, data)
        rules = ScoringRules(protocol=source.protocol)
        detections = list(with_embeddings(source, embeddings))
        sequences.append(LabelledSequence(name, detections, source.truth, rules))
    total = args.trials * (len(sequences) + 1)
    bar = progress_bar(range(total + 1), total, quiet=False, unit="trial")
    next(bar)
    with tempfile.TemporaryDirectory() as folder:
        log = TrialLog(Path(folder) / "trials.jsonl", {})
        found = tune(sequences, log, trials=args.trials, on_trial=lambda: next(bar))
        log.close()
    print("\n".join(result_lines(found)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
