"""Index and command lines of all scripts in benchmarks/."""

import argparse
import importlib
from pathlib import Path

import pytest

import benchmarks

FOLDER = Path(benchmarks.__file__).parent
SCRIPTS = sorted(
    path.stem for path in FOLDER.glob("*.py") if "def main(" in path.read_text(encoding="utf-8")
)


def test_index_lists_every_script() -> None:
    index = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert len(SCRIPTS) > 10
    for script in SCRIPTS:
        assert f"python -m benchmarks.{script}" in index, script


@pytest.mark.parametrize("script", SCRIPTS)
def test_every_option_has_a_help_text_with_its_default(
    script: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsers = []

    def capture(parser: argparse.ArgumentParser, *_: object) -> None:
        parsers.append(parser)
        raise SystemExit

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", capture)
    with pytest.raises(SystemExit):
        importlib.import_module(f"benchmarks.{script}").main([])
    (parser,) = parsers
    assert parser.prog == f"python -m benchmarks.{script}"
    for action in parser._actions:
        assert action.help, action.option_strings
        optional = action.option_strings and not action.required and action.dest != "help"
        if optional and action.help != argparse.SUPPRESS:
            assert "(default: " in action.help, action.option_strings
