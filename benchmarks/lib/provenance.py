"""Software versions and machine of a measurement; every script prints this line first."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path


def environment_line(*packages: str) -> str:
    """Describe Python, the versions of `packages` (distribution names), processor and system."""
    parts = [f"Python {platform.python_version()}"]
    parts += [f"{name} {_version(name)}" for name in packages]
    return ", ".join([*parts, f"{processor()}, {os.cpu_count()} cores", platform.system()])


def require(module: str, extra: str = "bench") -> None:
    """Raise ModuleNotFoundError, with the command that installs it, when `module` is missing."""
    if find_spec(module) is None:
        raise ModuleNotFoundError(
            f"{module} is not installed: pip install 'deepsort-reid[{extra}]'", name=module
        )


def processor() -> str:
    """Return the name of the processor as far as the system reports it."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
