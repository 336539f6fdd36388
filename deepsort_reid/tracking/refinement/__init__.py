"""Tracking that uses later frames: fixed-lag output and offline refinement of results."""

from deepsort_reid.tracking.refinement.fixed_lag import FixedLag, LaggedTracks
from deepsort_reid.tracking.refinement.linking import Linking
from deepsort_reid.tracking.refinement.offline import drop_short, fill_gaps, link, smooth

__all__ = ["FixedLag", "LaggedTracks", "Linking", "drop_short", "fill_gaps", "link", "smooth"]
