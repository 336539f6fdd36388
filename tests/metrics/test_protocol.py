from pathlib import Path

import numpy as np
import pytest

from deepsort_reid import metrics
from deepsort_reid.mot import MotRows
from tests.metrics import oracle


def with_classes(rows: MotRows, seed: int, classes: tuple[int, ...]) -> MotRows:
    """The same boxes with random classes and every tenth marked zero."""
    rng = np.random.default_rng(seed)
    return MotRows(
        frame=rows.frame,
        id=rows.id,
        xyxy=rows.xyxy,
        score=(rng.random(len(rows)) > 0.1).astype(float),
        class_id=np.where(rng.random(len(rows)) < 0.5, 1, rng.choice(classes, len(rows))),
        visibility=rng.random(len(rows)),
    )


@pytest.mark.parametrize(
    ("benchmark", "protocol", "classes"),
    [
        ("MOT16", "mot16", tuple(range(1, 13))),
        ("MOT17", "mot16", tuple(range(1, 13))),
        ("MOT20", "mot20", tuple(range(1, 14))),
        ("MOT15", "plain", (1, 2, 7)),
    ],
)
def test_every_field_equals_trackeval_under_the_rules_of_each_benchmark(
    tmp_path: Path, benchmark: str, protocol: str, classes: tuple[int, ...]
) -> None:
    sequences, total = {}, metrics.Scores()
    for seed in range(1000, 1060):
        truth, predicted, frames = oracle.random_scene(seed)
        name = f"{benchmark}-{seed}"
        truth, predicted = oracle.write_both(
            tmp_path, name, with_classes(truth, seed, classes), predicted
        )
        theirs = oracle.trackeval_from_files(tmp_path, name, frames, benchmark)
        ours = metrics.evaluate(truth, predicted, protocol=protocol, frames=frames)
        oracle.assert_equal_in_every_field(oracle.our_scores(ours), theirs)
        sequences[str(seed)] = theirs
        total += ours
    combined = oracle.our_scores(total)
    oracle.assert_equal_in_every_field(combined, oracle.trackeval_combined(sequences))
