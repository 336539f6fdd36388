"""Who may import whom: the import table of the design, checked on every file of the package."""

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


# A row is a module or a sub-package of deepsort_reid. What a row is split into belongs to it and
# may import its siblings: the files of a sub-package, and X_part.py beside X.py.
# "package" is deepsort_reid itself: __version__ and the public names.
TABLE = {
    "package": allow(),
    "boxes": allow("", "numpy"),
    "frames": allow("", "numpy"),
    "detections": allow("boxes", "numpy"),
    "tracks": allow("boxes", "numpy"),
    "tracking": allow("boxes frames detections tracks", "numpy scipy lap"),
    "mot": allow("boxes detections tracks", "numpy"),
    "trajectories": allow("boxes mot tracking", "numpy scipy filterpy"),
    "metrics": allow("boxes mot", "numpy scipy motmetrics"),
    "video": allow("frames", "cv2 numpy"),
    "camera_motion": allow("frames", "cv2 numpy"),
    "onnx_model": allow("frames", "onnxruntime numpy"),
    "embedder": allow("boxes frames onnx_model", "cv2 numpy"),
    "reid": allow(
        "boxes frames mot video embedder",
        "torch torchvision cv2 matplotlib numpy scipy onnx onnxruntime tqdm",
    ),
    "background": allow("boxes frames detections", "cv2 numpy"),
    "detectors": allow(
        "boxes frames detections mot onnx_model background", "cv2 numpy torch torchvision"
    ),
    "draw": allow("boxes frames detections tracks", "cv2 numpy"),
    "scene": allow("boxes frames detections mot", "cv2 numpy"),
    "pipeline": allow("detections tracks tracking video", "numpy"),
    "commands": Allowed(ANY, ANY),
    "cli": Allowed(ANY, frozenset({"tqdm"})),
    "__main__": allow("cli"),
}


class Import(NamedTuple):
    where: str  # file:line
    target: str  # dotted name


def row_named(module: str) -> str:
    """The row of a module directly below the package: its own, or that of what it is a part of."""
    if module == "__init__":
        return "package"
    if module in TABLE:
        return module
    whole = [row for row in TABLE if module.startswith(f"{row}_")]
    return max(whole, key=len) if whole else module


def row_of(path: Path) -> str:
    return row_named(path.relative_to(ROOT).parts[0].removesuffix(".py"))


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
        name = row_named(parts[1]) if len(parts) > 1 else "package"
        ours = name if name in TABLE else "package"  # from deepsort_reid import __version__
        if ours in {row, "package"} or allowed.ours & {ours, "*"}:
            return None
        return f"{row} may import {sorted(allowed.ours) or 'nothing'} from us, not {ours}"
    if parts[0] in sys.stdlib_module_names or allowed.theirs & {parts[0], "*"}:
        return None
    return f"{row} may use {sorted(allowed.theirs) or 'no third party'}, not {parts[0]}"


def all_files() -> list[Path]:
    return sorted(ROOT.rglob("*.py"))


def test_every_module_has_a_row():
    assert {row_of(path) for path in all_files()} <= set(TABLE)


def test_every_row_is_a_module():
    assert {row for row in TABLE if row != "package"} <= {row_of(path) for path in all_files()}


def test_the_table_has_no_circle():
    seen: list[str] = []
    for row, allowed in TABLE.items():
        ahead = allowed.ours - set(seen) - ANY
        assert not ahead, f"{row} imports {sorted(ahead)}, which come later"
        seen.append(row)


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
        ("boxes", "cv2"),
        ("boxes", "deepsort_reid.mot"),
        ("tracking", "torch"),
        ("tracking", "deepsort_reid.mot"),
        ("metrics", "deepsort_reid.tracking.kalman"),
        ("reid", "deepsort_reid.tracking"),
        ("video", "deepsort_reid.boxes"),
        ("video_out", "deepsort_reid.mot_text"),
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
        "import torch.nn as nn\nfrom deepsort_reid import boxes, mot\nfrom . import model\n"
        "from ..video import open_video\ndef f():\n    from deepsort_reid.mot import read\n"
    )
    assert {found.target for found in imports_of(file)} == {
        "torch.nn",
        "deepsort_reid.boxes",
        "deepsort_reid.mot",
        "deepsort_reid.reid",
        "deepsort_reid.video",
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
    others = [row for row in TABLE if row not in {"package", "reid", "commands", "__main__"}]
    assert "torch" not in loaded_after(f"import {', '.join(f'{PACKAGE}.{row}' for row in others)}")


def test_every_public_name_can_be_imported():
    public = importlib.import_module(PACKAGE)
    assert [name for name in public.__all__ if getattr(public, name, None) is None] == []
