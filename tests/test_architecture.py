"""Import rules: which folder of the package may import which folders and packages."""

import ast
import importlib
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from deepsort_reid.cli.main import EXTRAS

PACKAGE = "deepsort_reid"
ROOT = Path(__file__).resolve().parents[1] / PACKAGE
ANY = frozenset({"*"})
MAX_FUNCTION_LINES = 60


class Allowed(NamedTuple):
    internal: frozenset[str]  # rows of this table, "*" for any
    external: frozenset[str]  # third-party packages, "*" for any


def allow(internal: str = "", external: str = "") -> Allowed:
    return Allowed(frozenset(internal.split()), frozenset(external.split()))


# A row is a folder or a module of deepsort_reid. A file belongs to the longest row that its path
# begins with. Files of one row may import each other.
# "package" is deepsort_reid itself: __version__ and the public names.
TABLE = {
    "package": allow(),
    "structures": allow("", "numpy"),
    "structures/track_views": allow("structures", "numpy pandas supervision"),
    "io/atomic": allow(),
    "io/state_file": allow("io/atomic", "numpy"),
    "identity": allow("structures", "numpy scipy faiss"),
    "tracking": allow("structures io/state_file identity", "numpy scipy lap"),
    "io": allow("structures", "av cv2 numpy"),
    "pages": allow(),
    "metrics": allow("structures io pages", "numpy scipy motmetrics"),
    "vision/camera_motion": allow("structures io", "cv2 numpy"),
    "vision/detectors/torchvision_coco": allow("structures vision", "numpy torch torchvision"),
    "vision": allow("structures io", "cv2 numpy onnxruntime pooch"),
    "reid": allow(
        "structures io vision",
        "torch torchvision cv2 matplotlib numpy scipy onnx onnxruntime onnxscript tqdm",
    ),
    "results": allow("structures io vision pages", "cv2 numpy"),
    "scene": allow("structures", "cv2 numpy"),
    "interop": allow("structures tracking vision", "numpy onnxruntime"),
    "tuning": allow("structures io metrics tracking", "numpy optuna"),
    "pipeline": allow("structures identity tracking io vision/camera_motion", "numpy"),
    "scale/local_pool": allow(),
    "scale/ray_cluster": allow("io", "ray"),
    "scale/archive": allow(
        "structures identity tracking io vision pipeline scale/local_pool scale/ray_cluster",
        "cv2 numpy pyarrow ray",
    ),
    "scale": allow("structures identity tracking io vision pipeline", "numpy ray"),
    "review": allow("structures io identity metrics vision", "cv2 numpy scipy"),
    "review/web": allow("structures io review", "cv2 numpy starlette uvicorn"),
    "cli": Allowed(ANY, ANY),
    "__main__": allow("cli"),
}


class Import(NamedTuple):
    location: str  # file:line
    target: str  # dotted name


def row_of_module(path: str) -> str:
    """The longest row that a path relative to the package, such as "io/mot", begins with."""
    rows = [row for row in TABLE if f"{path}/".startswith(f"{row}/")]
    return max(rows, key=len) if rows else "package"


def row_of_file(path: Path) -> str:
    return row_of_module(path.relative_to(ROOT).with_suffix("").as_posix())


def imports_of(path: Path) -> Iterator[Import]:
    """All imports of a file as full dotted names, including those inside functions."""
    module = (PACKAGE, *path.relative_to(ROOT).with_suffix("").parts)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
        if isinstance(node, ast.Import):
            targets = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(module[: -node.level]) if node.level else ""
            source = ".".join(part for part in (base, node.module or "") if part)
            # In `from deepsort_reid import boxes` the module is the imported name.
            is_package = source == PACKAGE
            targets = [f"{source}.{alias.name}" if is_package else source for alias in node.names]
        else:
            continue
        yield from (Import(f"{path.name}:{node.lineno}", target) for target in targets)


def violation(row: str, target: str) -> str | None:
    """Why a file of `row` may not import `target`; None when it may."""
    allowed = TABLE[row]
    parts = target.split(".")
    if parts[0] == PACKAGE:
        imported = row_of_module("/".join(parts[1:]))
        allowed_rows = {row, *allowed.internal}
        if (
            imported == "package"
            or allowed.internal == ANY
            or any(imported == name or imported.startswith(f"{name}/") for name in allowed_rows)
        ):
            return None
        names = sorted(allowed.internal) or "nothing"
        return f"{row} may import {names} of the package, not {imported}"
    if parts[0] in sys.stdlib_module_names or allowed.external & {parts[0], "*"}:
        return None
    names = sorted(allowed.external) or "no third-party package"
    return f"{row} may use {names}, not {parts[0]}"


def third_party(names: set[str]) -> set[str]:
    """The packages among `names` that are neither ours nor of the standard library."""
    return names - sys.stdlib_module_names - {PACKAGE}


def all_files() -> list[Path]:
    return sorted(ROOT.rglob("*.py"))


def test_every_file_has_a_row():
    no_row = [path for path in all_files() if row_of_file(path) == "package"]
    assert [path.name for path in no_row] == ["__init__.py"]


def test_every_row_exists():
    for row in set(TABLE) - {"package"}:
        assert (ROOT / row).is_dir() or (ROOT / f"{row}.py").is_file(), row


def test_import_table_has_no_cycle():
    earlier: set[str] = set()
    for row, allowed in TABLE.items():
        later = {
            name
            for name in allowed.internal - ANY
            if name not in earlier and not row.startswith(f"{name}/")
        }
        assert not later, f"{row} imports {sorted(later)}, which are later rows"
        earlier.add(row)


@pytest.mark.parametrize("path", all_files(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_file_imports_only_what_its_row_allows(path):
    row = row_of_file(path)
    if row == "package":
        return  # imports on first use and for type checkers; tested by what is loaded, below
    violations = [
        f"{found.location}: {why}"
        for found in imports_of(path)
        if (why := violation(row, found.target)) is not None
    ]
    assert not violations, "\n".join(violations)


@pytest.mark.parametrize(
    ("row", "target"),
    [
        ("structures/boxes", "cv2"),
        ("structures/boxes", "deepsort_reid.io.mot"),
        ("tracking/tracker", "torch"),
        ("tracking/kalman", "filterpy"),
        ("tracking/tracker", "deepsort_reid.io.mot"),
        ("metrics/hota", "deepsort_reid.tracking.kalman"),
        ("reid/models/osnet", "deepsort_reid.tracking"),
        ("io/video_reader", "deepsort_reid.vision.crops"),
        ("vision/detectors/yolox", "torch"),
    ],
)
def test_forbidden_import_is_reported(row, target):
    assert violation(row_of_module(row), target) is not None


def test_imports_of_reads_all_forms_of_import(tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    folder = tmp_path / "reid"
    folder.mkdir()
    file = folder / "train.py"
    file.write_text(
        "import torch.nn as nn\nfrom deepsort_reid import Detections\nfrom . import model\n"
        "from ..io.mot import read\ndef f():\n    from deepsort_reid.structures import boxes\n"
    )
    assert {found.target for found in imports_of(file)} == {
        "torch.nn",
        "deepsort_reid.Detections",
        "deepsort_reid.reid",
        "deepsort_reid.io.mot",
        "deepsort_reid.structures",
    }


def loaded_after(statement: str) -> set[str]:
    """Top-level packages that `statement` loads in a fresh interpreter."""
    script = f"""
        import sys
        before = set(sys.modules)
        {statement}
        print(*{{name.split(".")[0] for name in set(sys.modules) - before}})
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def test_package_import_loads_no_third_party_package():
    assert third_party(loaded_after("import deepsort_reid")) == set()


def test_tracker_loads_only_numpy_scipy_and_lap():
    loaded = loaded_after(
        "from deepsort_reid import DeepSort, Detections; DeepSort().update(Detections.empty())"
    )
    # Compiled extensions of lap register modules of Cython's runtime.
    runtime = {name for name in loaded if "cython" in name}
    assert third_party(loaded) - runtime <= {"numpy", "scipy", "lap"}


def test_tracker_import_takes_less_than_300_ms():
    """Processor time, which does not depend on other processes."""
    script = (
        "import time; start = time.process_time(); from deepsort_reid import DeepSort; "
        "print(time.process_time() - start)"
    )
    command = [sys.executable, "-c", script]
    times = [
        float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        for _ in range(3)
    ]
    assert min(times) < 0.3


def test_only_reid_archive_review_page_and_cli_load_packages_of_the_extras():
    heavy = {"package", "reid", "scale/archive", "review/web", "cli", "__main__"}
    names = [
        ".".join((PACKAGE, *path.relative_to(ROOT).with_suffix("").parts))
        for path in all_files()
        if row_of_file(path) not in heavy and path.stem != "__init__"
    ]
    assert not loaded_after(f"import {', '.join(names)}") & set(EXTRAS)


def test_every_public_name_can_be_imported():
    public = importlib.import_module(PACKAGE)
    assert [name for name in public.__all__ if getattr(public, name, None) is None] == []


@pytest.mark.parametrize("path", all_files(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_functions_have_at_most_60_lines(path):
    tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    lengths = {node.name: (node.end_lineno or 0) - node.lineno + 1 for node in functions}
    assert {name: length for name, length in lengths.items() if length > MAX_FUNCTION_LINES} == {}
