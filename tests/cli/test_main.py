"""The command line: exit statuses, and one line where something is wrong."""

import subprocess
import sys
import textwrap
from types import SimpleNamespace

import pytest

from deepsort_reid import __version__
from deepsort_reid.cli import main


def stand_in(run, monkeypatch):
    """Let the command `track` be something that does `run(args)`."""
    module = SimpleNamespace(add_arguments=lambda parser: parser.add_argument("source"), run=run)
    monkeypatch.setitem(sys.modules, "deepsort_reid.cli.track", module)


def failing_with(error):
    def run(args):
        raise error

    return run


def test_without_arguments_the_commands_are_listed(capsys):
    assert main.main([]) == 0
    listing = capsys.readouterr().out
    assert all(f"\n  {name} " in listing for name in main.COMMANDS)


def test_version_is_that_of_the_package(capsys):
    assert main.main(["--version"]) == 0
    assert capsys.readouterr().out == f"deepsort-reid {__version__}\n"


def test_an_unknown_command_is_answered_with_the_nearest(capsys):
    assert main.main(["trakc", "video.mp4"]) == 2
    error = capsys.readouterr().err
    assert "no command 'trakc'; did you mean 'track'" in error
    assert error.count("\n") == 1


def test_a_command_like_no_other_is_answered_with_all_of_them(capsys):
    assert main.main(["xyzzy"]) == 2
    assert "expected one of demo, track, evaluate" in capsys.readouterr().err


def test_an_unknown_option_is_one_line(capsys):
    assert main.main(["--colour"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "--colour" in error


def test_a_missing_argument_of_a_command_is_one_line(capsys, monkeypatch):
    stand_in(lambda args: None, monkeypatch)
    assert main.main(["track"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("deepsort-reid track: ")
    assert error.count("\n") == 1


def test_a_command_gets_its_arguments_and_gives_its_status(monkeypatch):
    seen = []
    stand_in(lambda args: seen.append(args.source) or 7, monkeypatch)
    assert main.main(["track", "street.mp4"]) == 7
    assert seen == ["street.mp4"]


def test_a_command_without_a_status_has_done_well(monkeypatch):
    stand_in(lambda args: None, monkeypatch)
    assert main.main(["track", "street.mp4"]) == 0


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("a.txt:3: bad row"), "deepsort-reid track: a.txt:3: bad row\n"),
        (ValueError("two\n  lines"), "deepsort-reid track: two lines\n"),
        (
            FileNotFoundError(2, "No such file", "a.mp4"),
            "deepsort-reid track: a.mp4: No such file\n",
        ),
        (OSError("cannot read a.mp4"), "deepsort-reid track: cannot read a.mp4\n"),
        (
            ModuleNotFoundError("No module named 'torch'", name="torch"),
            "deepsort-reid track: needs the package torch, which is not installed\n",
        ),
        (ValueError(), "deepsort-reid track: ValueError\n"),
    ],
)
def test_bad_input_is_one_line_and_status_2(error, line, capsys, monkeypatch):
    stand_in(failing_with(error), monkeypatch)
    assert main.main(["track", "a.mp4"]) == 2
    assert capsys.readouterr().err == line


def test_ctrl_c_is_one_line_and_status_130(capsys, monkeypatch):
    stand_in(failing_with(KeyboardInterrupt()), monkeypatch)
    assert main.main(["track", "a.mp4"]) == 130
    assert capsys.readouterr().err == "deepsort-reid track: stopped\n"


def test_the_traceback_is_there_for_who_asks(monkeypatch):
    stand_in(failing_with(ValueError("bad row")), monkeypatch)
    monkeypatch.setenv("DEEPSORT_REID_TRACEBACK", "1")
    with pytest.raises(ValueError, match="bad row"):
        main.main(["track", "a.mp4"])


def test_a_mistake_of_ours_is_not_taken_for_bad_input(monkeypatch):
    stand_in(failing_with(ZeroDivisionError("ours")), monkeypatch)
    with pytest.raises(ZeroDivisionError):
        main.main(["track", "a.mp4"])


def test_every_command_answers_help(capsys):
    for name in main.COMMANDS:
        assert main.main([name, "--help"]) == 0, name
        assert f"deepsort-reid {name}" in capsys.readouterr().out


def test_help_of_every_command_loads_nothing_heavy():
    script = textwrap.dedent(
        """
        import sys
        from deepsort_reid.cli.main import COMMANDS, main
        for name in COMMANDS:
            main([name, "--help"])
            heavy = {"torch", "cv2", "onnxruntime", "matplotlib", "scipy"} & set(sys.modules)
            assert not heavy, f"{name} --help loads {sorted(heavy)}"
        """
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_module_can_be_run():
    command = [sys.executable, "-m", "deepsort_reid", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == f"deepsort-reid {__version__}\n"


def run_as_demo(body: str) -> subprocess.CompletedProcess[str]:
    """A process in which the command `demo` does what `body` says."""
    script = f"""
import signal, sys, types
from deepsort_reid.cli import main

def run(args):
    {body}

command = types.SimpleNamespace(add_arguments=lambda parser: None, run=run)
sys.modules["deepsort_reid.cli.demo"] = command
sys.exit(main.main(["demo"]))
"""
    return subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )


def test_an_interrupted_process_leaves_one_line():
    done = run_as_demo("signal.raise_signal(signal.SIGINT)")
    assert done.returncode == 130
    assert done.stderr == "deepsort-reid demo: stopped\n"


def test_a_reader_that_has_gone_is_no_error():
    done = run_as_demo("raise BrokenPipeError(32, 'Broken pipe')")
    assert done.returncode == 0
    assert done.stderr == ""
