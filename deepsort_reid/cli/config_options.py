"""Options for the configuration of the tracker: --config and --set."""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from deepsort_reid.tracking import DeepSortConfig


def add_config_arguments(group: argparse._ActionsContainer) -> None:
    """Add --config and --set."""
    group.add_argument(
        "--config",
        type=Path,
        metavar="FILE.json",
        help="JSON object with fields of DeepSortConfig (default: the default of every field)",
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
        help="set a field of DeepSortConfig, such as max_age=60 or smooth_boxes=false, also of "
        "--config; repeat for several (default: none)",
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
) -> "DeepSortConfig | None":
    """The tracker configuration of --config and --set; None without any.

    Args:
        given: a JSON file, or the fields.
        settings: names and values of further fields, which have precedence.

    Raises ValueError when the file is not a JSON object with fields of `DeepSortConfig`, or the
    fields are others.
    """
    from deepsort_reid.io.json_file import read_json_object
    from deepsort_reid.tracking import DeepSortConfig

    if given is None and not settings:
        return None
    values = read_json_object(given) if isinstance(given, Path) else given or {}
    try:
        config = DeepSortConfig.from_dict(values)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{given if isinstance(given, Path) else 'config'}: {error}") from error
    for name, value in settings:
        try:
            config = DeepSortConfig.from_dict({**asdict(config), name: value})
        except ValueError as error:
            raise ValueError(f"--set {name}={value}: {error}") from error
    return config
