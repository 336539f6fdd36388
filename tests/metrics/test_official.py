"""Real sequences: official scores of MOT15, and TrackEval on MOT17 with and without its rules."""

from pathlib import Path

import numpy as np
import pytest

from deepsort_reid import metrics
from deepsort_reid.io.mot import read_detections, read_ground_truth
from deepsort_reid.io.mot_sequences import find_sequences
from deepsort_reid.structures.mot_rows import MotRows
from tests.metrics import oracle

pytestmark = pytest.mark.data

# The output of the official development kit, from the README of the data.
OFFICIAL = {
    "TUD-Stadtmitte": {
        "IDF1": 64.5, "MOTA": 56.4, "MOTP": 65.4, "FP": 45, "FN": 452, "IDSW": 7, "Frag": 6
    },
    "TUD-Campus": {"IDF1": 55.8, "MOTA": 52.6, "FP": 13, "FN": 150, "IDSW": 7},
    "Venice-2": {"IDF1": 35.5, "MOTA": 14.9, "FP": 1890, "FN": 4144, "IDSW": 42},
    # The kit counts 220 switches because it prefers the track before a gap; TrackEval counts 222.
    "COMBINED": {"IDF1": 41.2, "MOTA": 26.8, "FP": 7129, "FN": 21842, "IDSW": 222},
}  # fmt: skip


@pytest.fixture(scope="module")
def mot15(data_root: Path) -> dict[str, metrics.SequenceScores]:
    folder = data_root / "mot15-scored"
    return metrics.evaluate_folders(folder / "gt", folder / "results")


@pytest.mark.parametrize("name", OFFICIAL)
def test_official_scores_of_mot15_are_reproduced(
    mot15: dict[str, metrics.SequenceScores], name: str
) -> None:
    rows = metrics.with_combined({name: each.scores for name, each in mot15.items()})
    assert len(rows) == 12
    shown = {column.name: column for column in metrics.COLUMNS}
    for number, expected in OFFICIAL[name].items():
        value = shown[number].value(rows[name])
        assert round(100 * value, 1) == expected if shown[number].is_share else value == expected


def test_every_field_equals_trackeval_on_the_scored_mot15_results(
    data_root: Path, mot15: dict[str, metrics.SequenceScores], tmp_path: Path
) -> None:
    folder = data_root / "mot15-scored"
    (tmp_path / "trackers" / "ours").mkdir(parents=True)
    # The same files in the folder layout of TrackEval.
    (tmp_path / "gt").symlink_to(folder / "gt")
    (tmp_path / "trackers" / "ours" / "data").symlink_to(folder / "results")
    theirs = {}
    for name, ours in mot15.items():
        frames = ours.scores.boxes.frames
        theirs[name] = oracle.trackeval_from_files(tmp_path, name, frames, "MOT15")
        oracle.assert_equal_in_every_field(oracle.our_scores(ours.scores), theirs[name])
    total = sum((each.scores for each in mot15.values()), metrics.Scores())
    oracle.assert_equal_in_every_field(oracle.our_scores(total), oracle.trackeval_combined(theirs))


def tracks_of_detections(detections: MotRows, seed: int) -> MotRows:
    """Public detections linked to the nearest one in the previous frame; 1 % are not linked."""
    rng = np.random.default_rng(seed)
    ids = np.zeros(len(detections), dtype=np.int64)
    next_id, previous = 1, np.empty(0, dtype=np.int64)
    centre = (detections.xyxy[:, :2] + detections.xyxy[:, 2:]) / 2
    for frame in np.unique(detections.frame):
        rows = np.flatnonzero(detections.frame == frame)
        used = set()
        for row in rows:
            distance = np.linalg.norm(centre[previous] - centre[row], axis=1)
            nearest = previous[distance.argmin()] if len(previous) and distance.min() < 15 else None
            if nearest is None or ids[nearest] in used or rng.random() < 0.01:
                ids[row], next_id = next_id, next_id + 1
            else:
                ids[row] = ids[nearest]
            used.add(ids[row])
        previous = rows
    return MotRows(detections.frame, ids, detections.xyxy)


@pytest.mark.slow
def test_every_field_equals_trackeval_on_mot17_with_and_without_its_rules(
    data_root: Path, tmp_path: Path
) -> None:
    for seed, sequence in enumerate(find_sequences(data_root / "mot-text")):
        assert sequence.ground_truth is not None
        assert sequence.length is not None
        detections = read_detections(sequence.folder / "det" / "det.txt")
        tracks = tracks_of_detections(detections[detections.score > 0.3], seed)
        truth, predicted = oracle.write_both(
            tmp_path, sequence.name, read_ground_truth(sequence.ground_truth), tracks
        )
        for rules, protocol in ((True, "auto"), (False, "plain")):
            ours = metrics.evaluate(truth, predicted, protocol=protocol, frames=sequence.length)
            theirs = oracle.trackeval_from_files(
                tmp_path, sequence.name, sequence.length, "MOT17", rules=rules
            )
            oracle.assert_equal_in_every_field(oracle.our_scores(ours), theirs)
