"""Timing on one core: numeric libraries read their number of threads when they are loaded."""

import os
import subprocess
import sys
import time
from collections.abc import Callable

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)
_RESTARTED = "DEEPSORT_REID_ONE_CORE"


def rerun_single_threaded(module: str, argv: list[str] | None) -> int | None:
    """Run `python -m module` again with one thread per numeric library.

    Returns its exit status, or None when the current process already is the second run.
    """
    if os.environ.get(_RESTARTED):
        return None
    environment = {**os.environ, **dict.fromkeys(THREAD_VARIABLES, "1"), _RESTARTED: "1"}
    arguments = sys.argv[1:] if argv is None else argv
    return subprocess.call([sys.executable, "-m", module, *arguments], env=environment)


def pin_to_core() -> str:
    """Pin the process to one core where the system supports it, and describe the result."""
    if not hasattr(os, "sched_setaffinity"):
        return "not pinned (not supported by this system), one thread"
    core = max(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {core})
    return f"pinned to core {core}, one thread"


def clock() -> tuple[str, Callable[[], float]]:
    """Return name and function of the clock, in seconds.

    It is the processor time of the thread, which leaves out other programs on the same core, or the
    wall clock where processor time is too coarse (Windows).
    """
    fine = time.get_clock_info("thread_time").resolution < 1e-5
    return ("processor time", time.thread_time) if fine else ("wall clock", time.perf_counter)
