"""Identity: who each track is, over time and over cameras."""

from deepsort_reid.identity.explanation import ComparedPerson, PersonExplanation
from deepsort_reid.identity.frame_update import RegistryUpdate
from deepsort_reid.identity.matching import PersonMatch, PersonMatching
from deepsort_reid.identity.prototypes import Prototypes
from deepsort_reid.identity.registry import PersonRegistry
from deepsort_reid.identity.topology import Topology, TravelTime
from deepsort_reid.identity.track_records import PersonChange, TrackRecord

__all__ = [
    "ComparedPerson",
    "PersonChange",
    "PersonExplanation",
    "PersonMatch",
    "PersonMatching",
    "PersonRegistry",
    "Prototypes",
    "RegistryUpdate",
    "Topology",
    "TrackRecord",
    "TravelTime",
]
