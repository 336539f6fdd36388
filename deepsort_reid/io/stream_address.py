"""Addresses of streams: what is one, and how it is shown without its passwords."""

import re

MASK = "***"
# Parameters whose values are shown; the value of any other one may be a secret.
_SHOWN_PARAMETERS = frozenset(
    {"camera", "cam", "channel", "ch", "subtype", "stream", "profile", "resolution", "width"}
    | {"height", "fps", "transport", "protocol", "timeout", "fifo_size", "pkt_size"}
)
# A name, "=" and a value up to the next separator.
_PARAMETER = re.compile(r"([^?&;,/#=]+)=([^?&;,/#]*)")
_HARMLESS_VALUE = re.compile(r"[\w.:-]{0,20}")
# user:password@host without the scheme in front, as after a typing error.
_CREDENTIALS = re.compile(r"[^/@\s]+:[^@\s]*@")


def is_stream(source: object) -> bool:
    """Whether a source is the address of a stream, such as rtsp://host/path."""
    return isinstance(source, str) and "://" in source


def hide_secrets(source: str) -> str:
    """A source as it may be shown: without user, password and tokens of an address.

    Everything before the last "@" is masked, and the values of all parameters that are not known
    to be harmless (channel, resolution and the like). Paths of files are returned unchanged.

        rtsp://admin:1234@10.0.0.5/live?channel=2&token=ab
        rtsp://***@10.0.0.5/live?channel=2&token=***
    """
    if is_stream(source):
        scheme, _, rest = source.partition("://")
    elif _CREDENTIALS.match(source):
        scheme, rest = "", source
    else:
        return source
    if "@" in rest:
        # The last one: a password may contain "@", "/" and "?".
        rest = f"{MASK}@{rest.rpartition('@')[2]}"
    rest, fragment, _ = rest.partition("#")
    path, separator, query = rest.partition("?")
    shown = _PARAMETER.sub(_shown_parameter, path)
    if separator:
        shown += separator + "&".join(map(_shown_query_part, re.split("[&;]", query)))
    if fragment:
        shown += fragment + MASK
    return f"{scheme}://{shown}" if scheme else shown


def _shown_parameter(match: re.Match[str]) -> str:
    name, value = match.groups()
    is_shown = name.lower() in _SHOWN_PARAMETERS and _HARMLESS_VALUE.fullmatch(value)
    return f"{name}={value if is_shown else MASK}"


def _shown_query_part(part: str) -> str:
    """A part of a query between separators; one without "=" may be a token."""
    return _PARAMETER.sub(_shown_parameter, part) if "=" in part else MASK * bool(part)
