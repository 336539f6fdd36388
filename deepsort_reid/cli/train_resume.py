"""`deepsort-reid train --resume`: the options of the run to continue."""

import argparse
from pathlib import Path
from typing import Any

from deepsort_reid.io.json_file import read_json_object

# Options that may differ from those of the run. The others determine the network, the losses, the
# batches or the split, which must stay the same.
MAY_CHANGE = frozenset(
    {
        "data", "unlabelled", "out", "size", "lr",
        "epochs", "schedule", "warmup_epochs", "decay_from", "frozen_epochs",
        "precision", "no_sync_bn", "device", "threads",
        "stop_after", "validate_every", "patience",
    }
)  # fmt: skip
# A run that ended at --stop-after is continued up to --epochs.
NOT_RESTORED = frozenset({"out", "resume", "stop_after"})


def restore_options(args: argparse.Namespace) -> dict[str, Any]:
    """Set all options to those of the run `args.resume`, except the ones that were given.

    Returns the description of the run. Raises FileNotFoundError for a missing run, and ValueError
    when a given option outside MAY_CHANGE differs from that of the run.
    """
    from deepsort_reid.reid.training.run_folder import checkpoint_file

    checkpoint_file(args.resume)
    description = _read_description(args.resume)
    for name, value in description["arguments"].items():
        if name in NOT_RESTORED or not hasattr(args, name):
            continue
        if name not in args.given:
            setattr(args, name, _with_paths(name, value))
        elif name not in MAY_CHANGE and (got := _json_value(getattr(args, name))) != value:
            raise ValueError(
                f"--{name.replace('_', '-')}: {args.resume} was trained with "
                f"{'the default' if value is None else value}, got {got}; leave the option out to "
                f"continue that run, or start a new one with --init-from {args.resume}"
            )
    return description


def check_identities(identities: list[str], args: argparse.Namespace, run: dict[str, Any]) -> None:
    """Raise ValueError when the identities are not those of the run that is continued.

    run: description of the run. Its classifier has one class for each identity.
    """
    if identities == run["identities"]:
        return
    missing = sorted(set(run["identities"]) - set(identities))
    new = sorted(set(identities) - set(run["identities"]))
    first = f"{missing[0]} is missing" if missing else f"{new[0]} is new"
    raise ValueError(
        f"{args.data}: expected the {len(run['identities'])} training identities of {args.resume}, "
        f"got others ({first}); use --init-from {args.resume} for other data"
    )


def options_as_json(args: argparse.Namespace) -> dict[str, Any]:
    """The options as they are stored in config.json; paths are absolute."""
    return {
        name: _json_value(value)
        for name, value in vars(args).items()
        if value is None or isinstance(value, str | int | float | list | tuple | Path)
    }


def _json_value(value: object) -> object:
    if isinstance(value, Path):
        return str(value.absolute())
    return [_json_value(item) for item in value] if isinstance(value, list | tuple) else value


def _with_paths(name: str, value: Any) -> Any:
    """The value of an option in config.json, with paths where the option has them."""
    if name == "teacher" and value is not None:
        return [Path(path) for path in value]
    is_path = name in ("data", "init_from", "unlabelled") and value is not None
    return Path(value) if is_path else value


def _read_description(path: Path | str) -> dict[str, Any]:
    """Description of the run of a checkpoint or run folder, from config.json or the checkpoint.

    Raises FileNotFoundError without a checkpoint, ValueError when a file cannot be parsed or was
    not written by `deepsort-reid train`.
    """
    from deepsort_reid.reid.training.run_folder import checkpoint_file, run_folder_of

    file = run_folder_of(path) / "config.json"
    if file.is_file():
        description: Any = read_json_object(file)
    else:
        from deepsort_reid.reid.training.checkpoint import load_checkpoint

        file = checkpoint_file(path)
        description = load_checkpoint(file).get("description")
    keys = ("architecture", "arguments", "identities")
    if not isinstance(description, dict) or any(key not in description for key in keys):
        raise ValueError(f"{file}: expected the options of a run of `deepsort-reid train`")
    return description
