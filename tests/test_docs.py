"""README and docs: code blocks run, commands parse, links lead to files."""

import argparse
import re
import shlex
from importlib import import_module
from pathlib import Path

import pytest

from deepsort_reid.cli.main import COMMANDS, main
from tests.cli import synthetic_video

ROOT = Path(__file__).resolve().parents[1]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
TRAINING = ROOT / "docs" / "training.md"


def blocks(page, languages="python|sh"):
    """(language, code) of the fenced blocks of a page, in order."""
    text = page.read_text(encoding="utf-8")
    found = re.findall(rf"^```({languages})\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE)
    assert text.count("\n```") % 2 == 0, f"{page.name}: a code block is not closed"
    return found


def name_of(page):
    return page.relative_to(ROOT).as_posix()


def python_blocks():
    return [
        pytest.param(code, id=f"{name_of(page)}-{number}")
        for page in PAGES
        if page != TRAINING  # its blocks belong together: test_training_walk
        for number, (_, code) in enumerate(blocks(page, "python"), start=1)
    ]


def command_lines(page):
    """Every line of a page's shell blocks that calls deepsort-reid, as a list of words."""
    lines = [line for _, code in blocks(page, "sh") for line in code.splitlines()]
    return [shlex.split(line) for line in lines if line.startswith("deepsort-reid ")]


def all_commands():
    return [
        pytest.param(words, id=f"{name_of(page)}: {' '.join(words[1:])}")
        for page in PAGES
        for words in command_lines(page)
    ]


@pytest.mark.parametrize("code", python_blocks())
def test_python_block_runs_and_prints(code, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "code block", "exec"), {})
    assert capsys.readouterr().out


@pytest.mark.parametrize("words", all_commands())
def test_command_line_is_accepted(words):
    command = import_module(f"deepsort_reid.cli.{COMMANDS[words[1]][0]}")
    parser = argparse.ArgumentParser(exit_on_error=False)
    command.add_arguments(parser)
    parser.parse_args(words[2:])


def test_command_line_page_shows_every_command():
    page = ROOT / "docs" / "command-line.md"
    assert {words[1] for words in command_lines(page)} == set(COMMANDS)
    placeholders = re.findall(r"^<!-- help: (\S+) -->$", page.read_text(), flags=re.MULTILINE)
    assert sorted(placeholders) == sorted(COMMANDS)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_and_images_lead_to_files(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        file = target.partition("#")[0]
        if not file or target.startswith("https://"):
            continue
        assert (page.parent / file).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_benchmark_scripts_named_in_a_page_exist(page):
    text = page.read_text(encoding="utf-8")
    for script in set(re.findall(r"python -m benchmarks\.(\w+)", text)):
        assert (ROOT / "benchmarks" / f"{script}.py").is_file(), script


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_files_named_in_a_page_exist(page):
    text = page.read_text(encoding="utf-8")
    for path in set(
        re.findall(r"`((?:deepsort_reid|benchmarks|examples|tests|docs)/[\w/.-]+)`", text)
    ):
        assert (ROOT / path).exists(), path


@pytest.mark.slow
def test_commands_of_the_formats_page_run(tmp_path, monkeypatch, capsys):
    """All commands in order, on small data sets in the folders that the page describes."""
    monkeypatch.chdir(tmp_path)
    labels = {"MOT17/train": "gt det", "MOT17/test": "det", "dancetrack/val": "gt"}
    labels |= {"dancetrack/test": "", "sportsmot_publish/dataset/val": "gt"}
    for split, kinds in labels.items():
        for name in ("MOT17-02", "MOT17-04") if "MOT17" in split else ("first",):
            folder = synthetic_video.write_sequence(tmp_path / split / name, 12, images=True)
            for kind in {"gt", "det"} - set(kinds.split()):
                (folder / kind / f"{kind}.txt").unlink()
    Path("dancetrack/val_seqmap.txt").write_text("name\nfirst\n", encoding="utf-8")
    for _, code in blocks(ROOT / "docs" / "formats.md", "sh"):
        for line in code.splitlines():
            words = shlex.split(line.replace("yolox_tiny", "background"))
            assert words[0] == "deepsort-reid"
            more = ["--resamples", "20"] if words[1] == "compare" else []
            assert main([*words[1:], *more]) == 0, f"{line}\n{capsys.readouterr().err}"
    for file in (
        "scores.json",
        "scores.csv",
        "report.html",
        "table.tex",
        "submission/MOT17-02.txt",
    ):
        assert (tmp_path / file).is_file(), file


def test_readme_has_both_command_lines_on_its_first_screen():
    readme = ROOT / "README.md"
    text = readme.read_text(encoding="utf-8")
    (_, install), (_, test) = blocks(readme, "sh")[:2]
    assert install.startswith("python3 -m venv .venv && ")
    assert install.strip().endswith("deepsort-reid demo")
    assert "pip install -e '.[dev]'" in test
    assert "-m pytest" in test
    assert text[: text.index(test)].count("\n") < 24
    assert text.count("\n") < 150


@pytest.mark.slow
def test_training_walk(tmp_path, monkeypatch, capsys):
    """The training page from top to bottom: shorter streets, one epoch, random weights."""
    monkeypatch.chdir(tmp_path)
    for language, code in blocks(TRAINING):
        if language == "python":
            assert "frames=300" in code
            exec(compile(code.replace("frames=300", "frames=100"), "training.md", "exec"), {})
            continue
        for line in code.splitlines():
            words = shlex.split(line)
            assert words[0] == "deepsort-reid"
            if {"Market-1501-v15.09.15", "street.mp4"} & set(words):
                continue  # data that is not here
            short = ["--epochs", "1"] if words[1] == "train" else []
            short += ["--views", "256"] if "--teacher" in words else []
            status = main([*words[1:], *short])
            assert status == 0, f"{line}\n{capsys.readouterr().err}"
    for file in (
        "crops/occlusion_preview.png",
        "run/best.pt",
        "report/report.html",
        "mine.onnx",
        "student.onnx",
    ):
        assert (tmp_path / file).is_file(), file
    assert (tmp_path / "found").is_dir()
    assert (tmp_path / "tracked" / "tracks.txt").is_file()
