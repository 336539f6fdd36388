"""Identity: who each track is, over time and over cameras."""

from deepsort_reid.identity.matching import PersonMatching
from deepsort_reid.identity.registry import PersonRegistry
from deepsort_reid.identity.topology import Topology, TravelTime
from deepsort_reid.identity.track_records import PersonChange, TrackRecord

__all__ = [
    "PersonChange",
    "PersonMatching",
    "PersonRegistry",
    "Topology",
    "TrackRecord",
    "TravelTime",
]
