"""Parts of a tracker from plain values, such as those of a JSON file."""

from dataclasses import asdict, fields, is_dataclass
from typing import Any, NamedTuple

from deepsort_reid.tracking.config import DeepSortConfig
from deepsort_reid.tracking.likelihood_ratio import LikelihoodRatio


class TrackerParts(NamedTuple):
    """What a configuration file says of a tracker; `DeepSort(**parts._asdict())`."""

    config: DeepSortConfig
    association: LikelihoodRatio

    def as_dict(self) -> dict[str, Any]:
        """All values, for `tracker_parts` and for files."""
        return {**asdict(self.config), "association": asdict(self.association)}


def tracker_parts(values: dict[str, Any]) -> TrackerParts:
    """Configuration and association from a dictionary; missing fields have defaults.

    values: fields of `DeepSortConfig`; and "association", a dictionary with fields of
    `LikelihoodRatio`, whose "motion" and "appearance" are dictionaries in turn.

    Raises ValueError when a field does not exist or its value is refused.
    """
    rest = dict(values)
    association = _with_fields(LikelihoodRatio(), rest.pop("association", {}), "association")
    return TrackerParts(DeepSortConfig.from_dict(rest), association)


def with_field(values: dict[str, Any], name: str, value: Any) -> dict[str, Any]:
    """A copy of nested dictionaries with another value of a field, such as "motion.scale"."""
    first, dot, rest = name.partition(".")
    if dot:
        inner = values.get(first, {})
        value = with_field(inner if isinstance(inner, dict) else {}, rest, value)
    return {**values, first: value}


def _with_fields(default: Any, values: Any, path: str) -> Any:
    """A copy of a dataclass with other values of some fields."""
    if not isinstance(values, dict):
        raise ValueError(f"{path}: expected an object with fields, got {values!r:.80}")
    known = {field.name: getattr(default, field.name) for field in fields(default)}
    for name, given in values.items():
        if name not in known:
            raise ValueError(f"{path} has no field {name!r}; it has {', '.join(known)}")
        old, where = known[name], f"{path}.{name}"
        if is_dataclass(old):
            known[name] = _with_fields(old, given, where)
        elif isinstance(given, int | float) and not isinstance(given, bool):
            known[name] = float(given)
        else:
            raise ValueError(f"{where}: expected a number, got {given!r:.80}")
    try:
        return type(default)(**known)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
