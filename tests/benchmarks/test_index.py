"""benchmarks/README.md lists all scripts."""

from pathlib import Path

from benchmarks import mot


def test_index_lists_every_script() -> None:
    folder = Path(mot.__file__).parent
    index = (folder / "README.md").read_text(encoding="utf-8")
    for script in folder.glob("*.py"):
        if "def main(" in script.read_text(encoding="utf-8"):
            assert f"python -m benchmarks.{script.stem}" in index, script.name
