"""Options for the configuration of the tracker: --config and --set."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from deepsort_reid.tracking.from_dict import TrackerParts


def add_config_arguments(group: argparse._ActionsContainer) -> None:
    """Add --config and --set."""
    group.add_argument(
        "--config",
        type=Path,
        metavar="FILE.json",
        help="JSON object with fields of DeepSortConfig, and of LikelihoodRatio as "
        "association, as deepsort-reid tune writes it (default: the default of every field)",
    )
    add_set_argument(group)


def add_set_argument(group: argparse._ActionsContainer) -> None:
    """Add --set."""
    group.add_argument(
        "--set",
        action="append",
        type=_setting,
        default=[],
        metavar="FIELD=VALUE",
        help="set a field of --config, such as max_age=60, smooth_boxes=false or "
        "association.min_llr=1.5; repeat for several (default: none)",
    )


def _setting(text: str) -> tuple[str, Any]:
    """The name and the value of FIELD=VALUE."""
    name, found, value = text.partition("=")
    try:
        parsed = json.loads(value)
    except (ValueError, RecursionError):
        parsed = None
    if not found or not isinstance(parsed, int | float):
        raise argparse.ArgumentTypeError(
            f"expected FIELD=VALUE with a number, true or false, such as max_age=60, got {text!r}"
        )
    return name.strip(), parsed


def read_config(
    given: Path | dict[str, Any] | None, settings: Sequence[tuple[str, Any]] = ()
) -> "TrackerParts":
    """Configuration and association of --config and --set; the defaults without any.

    Args:
        given: a JSON file, or the fields.
        settings: names and values of further fields, which have precedence; the name of a field of
            the association begins with "association.".

    Raises ValueError when the file is not a JSON object with these fields, or a value is refused.
    """
    from deepsort_reid.io.json_file import read_json_object
    from deepsort_reid.tracking.from_dict import tracker_parts, with_field

    values = read_json_object(given) if isinstance(given, Path) else given or {}
    try:
        parts = tracker_parts(values)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{given if isinstance(given, Path) else 'config'}: {error}") from error
    for name, value in settings:
        values = with_field(values, name, value)
        try:
            parts = tracker_parts(values)
        except ValueError as error:
            raise ValueError(f"--set {name}={value}: {error}") from error
    return parts
