"""Settings of the tracker that fit labelled sequences, judged on sequences that were left out."""

from deepsort_reid.tuning.evaluation import LabelledSequence
from deepsort_reid.tuning.leave_one_out import Tuning, tune

__all__ = ["LabelledSequence", "Tuning", "tune"]
