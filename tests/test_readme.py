"""The README keeps its word: its code runs, its commands parse, its table names every file."""

import argparse
import re
import shlex
from importlib import import_module
from pathlib import Path

import pytest

from deepsort_reid.cli.main import COMMANDS

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", TEXT, flags=re.DOTALL | re.MULTILINE)


def commands():
    """Every line of the README that calls deepsort-reid, as a list of words."""
    lines = [line for block in blocks("sh") for line in block.splitlines()]
    return [shlex.split(line) for line in lines if line.startswith("deepsort-reid ")]


@pytest.mark.parametrize("number", range(len(blocks("python"))))
def test_a_block_of_python_runs_and_prints(number, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exec(compile(blocks("python")[number], f"README.md, block {number + 1}", "exec"), {})
    assert capsys.readouterr().out


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_a_command_of_the_readme_is_understood(words):
    command = import_module(f"deepsort_reid.cli.{COMMANDS[words[1]][0]}")
    parser = argparse.ArgumentParser(exit_on_error=False)
    command.add_arguments(parser)
    parser.parse_args(words[2:])


def test_every_command_stands_in_the_readme():
    assert {words[1] for words in commands()} == set(COMMANDS)


def test_the_first_screen_has_the_two_lines_that_do_everything():
    install, test = blocks("sh")[:2]
    assert install.startswith("python3 -m venv .venv && ")
    assert install.strip().endswith("deepsort-reid demo")
    assert "pip install -e '.[dev]'" in test
    assert "-m pytest" in test
    assert TEXT[: TEXT.index(test)].count("\n") < 24


def test_every_picture_and_every_link_leads_somewhere():
    for target in re.findall(r"\]\(([^)]+)\)", TEXT):
        assert target.startswith("https://") or (ROOT / target).exists(), target
