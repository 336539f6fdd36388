"""Memory of the current process."""

import re
import sys
import tracemalloc
from pathlib import Path

_STATUS = Path("/proc/self/status")


def resident_megabytes() -> float:
    """Return the resident memory in MB; Python's own allocations where there is no /proc."""
    kilobytes = _status_field("VmRSS")
    if kilobytes is not None:
        return kilobytes / 1024
    if not tracemalloc.is_tracing():
        tracemalloc.start()
    return tracemalloc.get_traced_memory()[0] / 2**20


def peak_megabytes() -> float:
    """Return the largest resident memory so far in MB; NaN where the system does not report it."""
    kilobytes = _status_field("VmHWM")
    if kilobytes is not None:
        return kilobytes / 1024
    try:
        import resource
    except ImportError:  # Windows
        return float("nan")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # bytes on macOS, else kB
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10


def _status_field(name: str) -> int | None:
    """Return a field of /proc/self/status in kB, None where there is no such file or field."""
    text = _STATUS.read_text(encoding="utf-8") if _STATUS.is_file() else ""
    found = re.search(rf"^{name}:\s+(\d+)", text, re.MULTILINE)
    return int(found[1]) if found else None
