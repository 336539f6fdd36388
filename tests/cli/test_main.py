"""Command line: exit statuses, error messages in one line, messages about missing packages."""

import argparse
import configparser
import subprocess
import sys
import textwrap
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import pytest

from deepsort_reid import __version__
from deepsort_reid.cli import main
from tests.cli import synthetic_video


def replace_track(run, monkeypatch):
    """Replace the command `track` by `run(args)`."""
    module = SimpleNamespace(add_arguments=lambda parser: parser.add_argument("source"), run=run)
    monkeypatch.setitem(sys.modules, "deepsort_reid.cli.track", module)


def raising(error):
    def run(args):
        raise error

    return run


def test_no_arguments_list_the_commands(capsys):
    assert main.main([]) == 0
    listing = capsys.readouterr().out
    assert all(f"\n  {name} " in listing for name in main.COMMANDS)


def test_version_is_the_version_of_the_package(capsys):
    assert main.main(["--version"]) == 0
    assert capsys.readouterr().out == f"deepsort-reid {__version__}\n"


def test_unknown_command_names_the_nearest_command(capsys):
    assert main.main(["trakc", "video.mp4"]) == 2
    error = capsys.readouterr().err
    assert "no command 'trakc'; did you mean 'track'" in error
    assert error.count("\n") == 1


def test_unknown_command_without_a_near_one_lists_all_commands(capsys):
    assert main.main(["xyzzy"]) == 2
    assert "expected one of demo, track, " in capsys.readouterr().err


def test_unknown_option_is_one_line(capsys):
    assert main.main(["--colour"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "--colour" in error


def test_missing_argument_is_one_line(capsys, monkeypatch):
    replace_track(lambda args: None, monkeypatch)
    assert main.main(["track"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("deepsort-reid track: ")
    assert error.count("\n") == 1


def test_command_receives_its_arguments_and_returns_its_status(monkeypatch):
    seen = []
    replace_track(lambda args: seen.append(args.source) or 7, monkeypatch)
    assert main.main(["track", "street.mp4"]) == 7
    assert seen == ["street.mp4"]


def test_command_without_a_status_exits_with_0(monkeypatch):
    replace_track(lambda args: None, monkeypatch)
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
            ModuleNotFoundError("No module named 'torch.nn'", name="torch.nn"),
            (
                "deepsort-reid track: needs torch, which is not installed: "
                "pip install 'deepsort-reid[train]'\n"
            ),
        ),
        (
            ModuleNotFoundError("No module named 'numpy'", name="numpy"),
            "deepsort-reid track: needs numpy, which is not installed: pip install numpy\n",
        ),
        (ValueError(), "deepsort-reid track: ValueError\n"),
    ],
)
def test_bad_input_is_one_line_and_status_2(error, line, capsys, monkeypatch):
    replace_track(raising(error), monkeypatch)
    assert main.main(["track", "a.mp4"]) == 2
    assert capsys.readouterr().err == line


def test_ctrl_c_is_one_line_and_status_130(capsys, monkeypatch):
    replace_track(raising(KeyboardInterrupt()), monkeypatch)
    assert main.main(["track", "a.mp4"]) == 130
    assert capsys.readouterr().err == "deepsort-reid track: stopped\n"


def test_traceback_is_shown_on_request(monkeypatch):
    replace_track(raising(ValueError("bad row")), monkeypatch)
    monkeypatch.setenv("DEEPSORT_REID_TRACEBACK", "1")
    with pytest.raises(ValueError, match="bad row"):
        main.main(["track", "a.mp4"])


def test_missing_module_of_the_package_is_an_internal_error(monkeypatch):
    name = "deepsort_reid.tracking.no_such_module"
    replace_track(raising(ModuleNotFoundError(f"No module named {name!r}", name=name)), monkeypatch)
    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        main.main(["track", "a.mp4"])


def test_package_missing_in_a_worker_process_is_named(capsys, monkeypatch):
    # The error of a worker process arrives without `name` before Python 3.12.
    error = ModuleNotFoundError("No module named 'motmetrics'")
    replace_track(raising(error), monkeypatch)
    assert main.main(["track", "a.mp4"]) == 2
    assert "pip install 'deepsort-reid[eval]'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "package", "extra"),
    [
        (["train", "{crops}", "--out", "{out}"], "torch", "train"),
        (["train", "{crops}", "--out", "{out}"], "torchvision", "train"),
        (["export", "{run}", "--crops", "{crops}", "--out", "{out}.onnx"], "onnx", "train"),
        (["eval-reid", "{crops}", "--out", "{out}"], "matplotlib", "eval"),
        (["evaluate", "{tracks}", "{tracks}", "--check"], "motmetrics", "eval"),
        (
            ["track", "{video}", "--detector", "torchvision:ssd300_vgg16", "--out", "{out}"],
            "torch",
            "train",
        ),
    ],
)
def test_missing_package_is_one_line_with_the_extra_that_installs_it(
    words, package, extra, video, tmp_path
):
    """The import of the package fails in a fresh interpreter, as in a base installation."""
    crops = tmp_path / "crops"
    for person in "abcd":
        for number in range(2):
            file = crops / person / f"{number}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(synthetic_video.encode_png(synthetic_video.render_frame(number + 1)))
    run = tmp_path / "last.pt"
    run.touch()
    tracks = tmp_path / "tracks.txt"
    synthetic_video.write_rows(tracks, synthetic_video.mot_rows(3, score=1), "gt")
    places = {"crops": crops, "run": run, "tracks": tracks, "video": video, "out": tmp_path / "out"}
    arguments = [word.format(**places) for word in words]
    script = f"""
        import sys
        sys.modules[{package!r}] = None
        from deepsort_reid.cli.main import main
        sys.exit(main({arguments!r}))
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2, done.stderr
    assert done.stderr == (
        f"deepsort-reid {words[0]}: needs {package}, which is not installed: "
        f"pip install 'deepsort-reid[{extra}]'\n"
    )


def test_extras_install_the_packages_that_the_messages_name():
    setup = configparser.ConfigParser()
    setup.read(Path(__file__).resolve().parents[2] / "setup.cfg", encoding="utf-8")
    extras = {name: text.split() for name, text in setup["options.extras_require"].items()}
    by_command = {package: extra for (_, package), extra in main.EXTRAS_BY_COMMAND.items()}
    for package, extra in [*main.EXTRAS.items(), *by_command.items()]:
        assert package in extras[extra], (package, extra)
    base = {line.split(">")[0] for line in setup["options"]["install_requires"].splitlines()}
    assert not base & set(main.EXTRAS)


def test_internal_error_is_not_reported_as_bad_input(monkeypatch):
    replace_track(raising(ZeroDivisionError("ours")), monkeypatch)
    with pytest.raises(ZeroDivisionError):
        main.main(["track", "a.mp4"])


def test_every_command_has_help(capsys):
    for name in main.COMMANDS:
        assert main.main([name, "--help"]) == 0, name
        assert f"deepsort-reid {name}" in capsys.readouterr().out


def test_help_loads_no_heavy_package():
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


def test_package_runs_as_a_module():
    command = [sys.executable, "-m", "deepsort_reid", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == f"deepsort-reid {__version__}\n"


def run_in_process(body: str) -> subprocess.CompletedProcess[str]:
    """Run `deepsort-reid demo` in a process in which the command executes `body`."""
    script = f"""
import signal, sys, types
from deepsort_reid.cli import main
from tests.cli import synthetic_video

def run(args):
    {body}

command = types.SimpleNamespace(add_arguments=lambda parser: None, run=run)
sys.modules["deepsort_reid.cli.demo"] = command
sys.exit(main.main(["demo"]))
"""
    return subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )


def test_interrupted_process_prints_one_line():
    done = run_in_process("signal.raise_signal(signal.SIGINT)")
    assert done.returncode == 130
    assert done.stderr == "deepsort-reid demo: stopped\n"


def test_closed_pipe_is_no_error():
    done = run_in_process("raise BrokenPipeError(32, 'Broken pipe')")
    assert done.returncode == 0
    assert done.stderr == ""


@pytest.mark.parametrize("command", main.COMMANDS)
def test_help_is_complete(command):
    """Every argument has a help text, and every option with a value tells its default."""
    parser = argparse.ArgumentParser()
    module = import_module(f"deepsort_reid.cli.{main.COMMANDS[command][0]}")
    module.add_arguments(parser)
    for action in parser._actions:
        name = action.option_strings[-1] if action.option_strings else action.dest
        assert action.help, name
        takes_value = bool(action.option_strings) and action.nargs != 0
        if takes_value and not action.required:
            assert "default" in action.help, name
