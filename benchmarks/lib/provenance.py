"""Which machine and versions a number comes from; every script prints this line first."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path


def line(*packages: str) -> str:
    """Python, the versions of `packages` (distribution names), processor and cores."""
    parts = [f"Python {platform.python_version()}"]
    parts += [f"{name} {_version(name)}" for name in packages]
    return ", ".join([*parts, f"{processor()}, {os.cpu_count()} cores", platform.system()])


def require(module: str, extra: str = "bench") -> None:
    """Raises ModuleNotFoundError, saying what to install, when `module` is not here."""
    if find_spec(module) is None:
        raise ModuleNotFoundError(
            f"{module} is not installed: pip install 'deepsort-reid[{extra}]'", name=module
        )


def processor() -> str:
    """The processor's name where the system tells it."""
    listing = Path("/proc/cpuinfo")
    if listing.is_file():
        for text in listing.read_text(encoding="utf-8").splitlines():
            if text.startswith("model name"):
                return text.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
