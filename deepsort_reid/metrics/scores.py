"""All scores of one sequence, or of several sequences added up."""

from dataclasses import astuple, dataclass, field

from deepsort_reid.metrics.clear import ClearCounts, clear
from deepsort_reid.metrics.comparison import Comparison
from deepsort_reid.metrics.hota import HotaCounts, hota
from deepsort_reid.metrics.identity import IdentityCounts, identity
from deepsort_reid.metrics.protocol import ScoringRules, compare_under_rules
from deepsort_reid.structures.mot_rows import MotRows


@dataclass(frozen=True)
class BoxCounts:
    """The numbers of scored boxes and ids, after the protocol has removed the others."""

    truth_boxes: int = 0
    predicted_boxes: int = 0
    truth_ids: int = 0
    predicted_ids: int = 0
    frames: int = 0

    def __add__(self, other: "BoxCounts") -> "BoxCounts":
        return BoxCounts(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))


@dataclass(frozen=True, eq=False)
class Scores:
    """HOTA, CLEAR, identity and box counts.

    Scores add up: `sum(scores, Scores())` are the scores of several sequences together.
    """

    hota: HotaCounts = field(default_factory=HotaCounts)
    clear: ClearCounts = field(default_factory=ClearCounts)
    identity: IdentityCounts = field(default_factory=IdentityCounts)
    boxes: BoxCounts = field(default_factory=BoxCounts)

    def __add__(self, other: "Scores") -> "Scores":
        return Scores(
            self.hota + other.hota,
            self.clear + other.clear,
            self.identity + other.identity,
            self.boxes + other.boxes,
        )


def evaluate(
    truth: MotRows,
    predicted: MotRows,
    *,
    protocol: str = "auto",
    classes: tuple[int, ...] | None = None,
    ignore_classes: tuple[int, ...] = (),
    frames: int | None = None,
) -> Scores:
    """Score the predicted tracks of one sequence against its ground truth.

    Args:
        truth: ground truth.
        predicted: predicted tracks.
        protocol: "mot16" (MOT16 and MOT17), "mot20", "plain" (every box is scored), or "auto":
            chosen from the classes of the ground truth (`choose_protocol`).
        classes: with "plain", score only these classes.
        ignore_classes: with "plain", ground-truth boxes of these classes are ignore regions:
            unmatched predictions with more than half of their area inside are not false positives.
        frames: length of the sequence; by default the last frame that has a box.

    Raises:
        ValueError: boxes or classes that cannot be scored (`compare_under_rules`), or an unknown
            protocol.
    """
    rules = ScoringRules(protocol=protocol, classes=classes, ignore_classes=ignore_classes)
    return score(compare_under_rules(truth, predicted, rules, frames=frames))


def score(comparison: Comparison) -> Scores:
    """The scores of one sequence, from the comparison of the boxes to score."""
    return Scores(
        hota(comparison),
        clear(comparison),
        identity(comparison),
        BoxCounts(
            len(comparison.truth),
            len(comparison.predicted),
            len(comparison.truth.ids),
            len(comparison.predicted.ids),
            comparison.frames,
        ),
    )
