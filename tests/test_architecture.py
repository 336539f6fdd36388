"""The import table of the design, checked on every file of the package."""

import ast
import importlib
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

PACKAGE = "deepsort_reid"
ROOT = Path(__file__).resolve().parents[1] / PACKAGE
ANY = frozenset({"*"})


class Allowed(NamedTuple):
    ours: frozenset[str]  # rows of this table, "*" for any
    theirs: frozenset[str]  # third-party packages, "*" for any


def allow(ours: str = "", theirs: str = "") -> Allowed:
    return Allowed(frozenset(ours.split()), frozenset(theirs.split()))


# A row is a folder or a module of deepsort_reid. A file belongs to the longest row that its path
# begins with; files of one row may import each other.
# "package" is deepsort_reid itself: __version__ and the public names.
TABLE = {
    "package": allow(),
    "structures": allow("", "numpy"),
    "tracking": allow("structures", "numpy scipy lap"),
    "io": allow("structures", "cv2 numpy"),
    "metrics": allow("structures io", "numpy scipy motmetrics"),
    "vision/camera_motion": allow("structures io", "cv2 numpy"),
    "vision/detectors/torchvision_coco": allow("structures vision", "numpy torch torchvision"),
    "vision": allow("structures io", "cv2 numpy onnxruntime"),
    "reid": allow(
        "structures io vision",
        "torch torchvision cv2 matplotlib numpy scipy onnx onnxruntime tqdm",
    ),
    "scene": allow("structures", "cv2 numpy"),
    "pipeline": allow("structures tracking io", "numpy"),
    "cli": Allowed(ANY, ANY),
    "__main__": allow("cli"),
}


class Import(NamedTuple):
    where: str  # file:line
    target: str  # dotted name


def row_named(path: str) -> str:
    """The longest row that a path below the package ("io/mot") begins with."""
    rows = [row for row in TABLE if f"{path}/".startswith(f"{row}/")]
    return max(rows, key=len) if rows else "package"


def row_of(path: Path) -> str:
    return row_named(path.relative_to(ROOT).with_suffix("").as_posix())


def imports_of(path: Path) -> Iterator[Import]:
    """Every import of a file, those inside functions included, as full dotted names."""
    here = (PACKAGE, *path.relative_to(ROOT).with_suffix("").parts)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
        if isinstance(node, ast.Import):
            targets = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(here[: -node.level]) if node.level else ""
            source = ".".join(part for part in (base, node.module or "") if part)
            # `from deepsort_reid import boxes` names the module only beside the `from`.
            beside = source == PACKAGE
            targets = [f"{source}.{alias.name}" if beside else source for alias in node.names]
        else:
            continue
        yield from (Import(f"{path.name}:{node.lineno}", target) for target in targets)


def complaint(row: str, target: str) -> str | None:
    """Why a file of `row` may not import `target`; None when it may."""
    allowed = TABLE[row]
    parts = target.split(".")
    if parts[0] == PACKAGE:
        ours = row_named("/".join(parts[1:]))
        if ours == "package" or any(
            ours == name or ours.startswith(f"{name}/") for name in {row, *allowed.ours}
        ):
            return None
        if allowed.ours == ANY:
            return None
        return f"{row} may import {sorted(allowed.ours) or 'nothing'} from us, not {ours}"
    if parts[0] in sys.stdlib_module_names or allowed.theirs & {parts[0], "*"}:
        return None
    return f"{row} may use {sorted(allowed.theirs) or 'no third party'}, not {parts[0]}"


def all_files() -> list[Path]:
    return sorted(ROOT.rglob("*.py"))


def test_every_file_has_a_row():
    no_row = [path for path in all_files() if row_of(path) == "package"]
    assert [path.name for path in no_row] == ["__init__.py"]


def test_every_row_exists():
    for row in set(TABLE) - {"package"}:
        assert (ROOT / row).is_dir() or (ROOT / f"{row}.py").is_file(), row


def test_the_table_has_no_cycle():
    above: set[str] = set()
    for row, allowed in TABLE.items():
        ahead = {
            name
            for name in allowed.ours - ANY
            if name not in above and not row.startswith(f"{name}/")
        }
        assert not ahead, f"{row} imports {sorted(ahead)}, which come later"
        above.add(row)


@pytest.mark.parametrize("path", all_files(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_file_imports_only_what_its_row_allows(path):
    row = row_of(path)
    if row == "package":
        return  # its imports are lazy or for type checkers; the next tests look at what happens
    wrong = [
        f"{found.where}: {why}"
        for found in imports_of(path)
        if (why := complaint(row, found.target)) is not None
    ]
    assert not wrong, "\n".join(wrong)


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
def test_an_arrow_that_is_not_in_the_table_is_seen(row, target):
    assert complaint(row_named(row), target) is not None


def test_imports_are_read_in_all_their_forms(tmp_path, monkeypatch):
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
    """Top-level packages in a fresh interpreter after `statement`."""
    script = f"""
        import sys
        {statement}
        print(*{{name.split(".")[0] for name in sys.modules}})
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def test_importing_the_package_loads_nothing_heavy():
    heavy = {"cv2", "filterpy", "lap", "matplotlib", "numpy", "onnxruntime", "scipy", "torch"}
    assert not heavy & loaded_after("import deepsort_reid")


def test_the_tracker_loads_neither_torch_nor_opencv():
    loaded = loaded_after("from deepsort_reid import DeepSort, Detections; DeepSort()")
    assert not loaded & {"cv2", "matplotlib", "onnxruntime", "torch", "torchvision"}


def test_only_training_loads_torch():
    others = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for path in all_files()
        if row_of(path) not in {"package", "reid", "cli", "__main__"} and path.stem != "__init__"
    ]
    assert "torch" not in loaded_after(
        f"import {', '.join(f'{PACKAGE}.{name}' for name in others)}"
    )


def test_every_public_name_can_be_imported():
    public = importlib.import_module(PACKAGE)
    assert [name for name in public.__all__ if getattr(public, name, None) is None] == []
