"""Time on one core: numeric libraries read their thread count when they are loaded."""

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
_MARK = "DEEPSORT_REID_ONE_CORE"


def restarted(module: str, argv: list[str] | None) -> int | None:
    """Run `python -m module` again with one thread; its exit status, or None when we are it."""
    if os.environ.get(_MARK):
        return None
    environment = {**os.environ, **dict.fromkeys(THREAD_VARIABLES, "1"), _MARK: "1"}
    arguments = sys.argv[1:] if argv is None else argv
    return subprocess.call([sys.executable, "-m", module, *arguments], env=environment)


def pin() -> str:
    """Stay on one core where the system can (Linux); says which in words."""
    if not hasattr(os, "sched_setaffinity"):
        return "not pinned (this system cannot), one thread"
    core = max(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {core})
    return f"pinned to core {core}, one thread"


def clock() -> tuple[str, Callable[[], float]]:
    """Processor time of this thread; the wall clock where that is too coarse (Windows).

    Processor time leaves out what other programs do to the same core.
    """
    fine = time.get_clock_info("thread_time").resolution < 1e-5
    return ("processor time", time.thread_time) if fine else ("wall clock", time.perf_counter)
