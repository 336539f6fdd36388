"""Imports of the reid package and its commands without the packages of the extras."""

import subprocess
import sys

import pytest

from tests.reid import synthetic_sequence

EXTRAS = ("torch", "torchvision", "onnx", "onnxscript", "matplotlib", "motmetrics", "tensorboard")

# Runs one command line while importing the blocked packages fails.
SCRIPT = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Blocker())
from deepsort_reid.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


def run(*arguments, blocked=EXTRAS):
    script = SCRIPT.format(blocked=set(blocked))
    command = [sys.executable, "-c", script, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def without(*names):
    return [name for name in EXTRAS if name not in names]


@pytest.fixture(scope="module")
def sequence(tmp_path_factory):
    return synthetic_sequence.write_sequence(tmp_path_factory.mktemp("mot") / "street")


@pytest.fixture(scope="module")
def crops(sequence, tmp_path_factory):
    out = tmp_path_factory.mktemp("data") / "crops"
    done = run("crop", sequence, "--out", out, "--size", 32, 16, "--min-height", 10)
    assert done.returncode == 0, done.stderr
    return out


@pytest.mark.parametrize(
    "name",
    [
        "data.crop_extraction",
        "data.datasets",
        "data.splits",
        "evaluation.plots",
        "evaluation.report",
        "evaluation.retrieval",
        "person_search",
        "training.teacher",
        "training.view_store",
    ],
)
def test_module_does_not_import_torch(name):
    script = f"import sys, deepsort_reid.reid.{name}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_crop_runs_without_extras(crops):
    assert len(list(crops.glob("*/*.jpg"))) == 32


def test_find_runs_without_extras(sequence, tmp_path):
    out = tmp_path / "found"
    done = run("find", "12,20,16,40", sequence, "--out", out, "--threads", 1)
    assert done.returncode == 0, done.stderr
    assert {path.name for path in out.iterdir()} == {
        *("found.mp4", "index.html", "montage.png", "results.csv"),
    }


def test_eval_reid_prints_scores_without_extras(crops):
    done = run("eval-reid", crops, "--no-report", "--threads", 1)
    assert done.returncode == 0, done.stderr
    assert "over queries" in done.stdout


def test_eval_reid_writes_the_report_with_matplotlib_alone(crops, tmp_path):
    out = tmp_path / "report"
    blocked = without("matplotlib")
    done = run("eval-reid", crops, "--out", out, "--threads", 1, blocked=blocked)
    assert done.returncode == 0, done.stderr
    assert (out / "report.html").is_file()


@pytest.mark.parametrize(
    ("command", "blocked", "missing", "extra"),
    [
        ("train", EXTRAS, "torch", "train"),
        ("train", ["matplotlib"], "matplotlib", "train"),
        ("export", EXTRAS, "onnx", "train"),
        ("export", ["onnx"], "onnx", "train"),
        ("export", ["onnxscript"], "onnxscript", "train"),
        ("eval-reid", EXTRAS, "matplotlib", "eval"),
    ],
)
def test_missing_package_is_reported_in_one_line_before_anything_is_written(
    command, blocked, missing, extra, crops, tmp_path
):
    out = tmp_path / "out"
    (tmp_path / "last.pt").touch()
    source = [tmp_path, "--crops", crops] if command == "export" else [crops]
    source += ["--split", "none"] if command == "train" else []
    done = run(command, *source, "--out", out, blocked=blocked)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1, done.stderr
    assert missing in done.stderr
    assert f"deepsort-reid[{extra}]" in done.stderr
    assert not out.exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["train", "MISSING"],
        ["train", "CROPS", "--init-from", "MISSING"],
        ["train", "CROPS", "--weights", "MISSING"],
        ["train", "--resume", "MISSING"],
        ["export", "CROPS", "--crops", "MISSING"],
        ["export", "MISSING", "--crops", "CROPS"],
    ],
    ids=" ".join,
)
def test_missing_path_is_reported_before_torch_is_imported(arguments, crops, tmp_path):
    missing = tmp_path / "missing"
    paths = {"MISSING": missing, "CROPS": crops}
    done = run(*(paths.get(word, word) for word in arguments), "--out", tmp_path / "out")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1, done.stderr
    assert f"{missing}: " in done.stderr
    assert not (tmp_path / "out").exists()


def test_impossible_validation_is_reported_before_torch_is_imported(crops, tmp_path):
    done = run("train", crops, "--out", tmp_path / "out", "--validation-share", 2)
    assert "validation share: expected a number between 0 and 1" in done.stderr
    assert not (tmp_path / "out").exists()
