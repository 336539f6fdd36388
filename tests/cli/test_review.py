"""`review`: arguments, the port, exports without a page."""

import signal
import socket
import subprocess
import sys

import pytest

from deepsort_reid.cli.main import main
from deepsort_reid.io.mot import read_results
from deepsort_reid.review import MergePersons, Review
from deepsort_reid.review.exports import EXPORTS
from deepsort_reid.review.web.serving import open_socket
from tests.cli.synthetic_video import read_error_line
from tests.review import run_folders


@pytest.fixture
def run(tmp_path):
    return run_folders.write_run(tmp_path / "run")


def test_port_in_use_is_one_line_and_the_folder_is_free_again(run, capsys):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert main(["review", str(run), "--port", str(port), "--no-browser"]) == 2
    error = read_error_line(capsys)
    assert f"--port: {port} is in use already" in error
    assert "0 for any free one" in error
    Review.open(run).close()


def test_port_0_takes_a_free_port():
    with open_socket("127.0.0.1", 0) as first, open_socket("127.0.0.1", 0) as second:
        assert first.getsockname()[1] != second.getsockname()[1]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--port", "70000"], "--port: expected 0 to 65535, got 70000"),
        (["--host", "no such host"], "--host: expected a name or address of this machine"),
        (["--host", "192.0.2.1", "--port", "0"], "--host: expected an address of this machine"),
    ],
)
def test_address_that_cannot_be_used_is_one_line(run, capsys, options, expected):
    assert main(["review", str(run), "--no-browser", *options]) == 2
    assert expected in read_error_line(capsys)


def test_folder_that_is_no_run_is_one_line(tmp_path, capsys):
    assert main(["review", str(tmp_path), "--no-browser"]) == 2
    assert "expected the output folder of `deepsort-reid track`" in read_error_line(capsys)
    assert main(["review", str(tmp_path / "none"), "--no-browser"]) == 2
    assert "none" in read_error_line(capsys)


def test_edits_of_other_tracks_are_one_line_and_stay(run, capsys):
    with Review.open(run) as review:
        review.apply(MergePersons(1, 3))
    edits = (run / "edits.jsonl").read_bytes()
    lines = (run / "tracks.txt").read_text().splitlines()
    (run / "tracks.txt").write_text("\n".join(lines[:-2]) + "\n")
    assert main(["review", str(run), "--no-browser"]) == 2
    assert "the edits do not fit" in read_error_line(capsys)
    assert (run / "edits.jsonl").read_bytes() == edits


def test_export_writes_all_kinds_with_the_corrections(run, tmp_path):
    with Review.open(run) as review:
        review.apply(MergePersons(1, 3))
    out = tmp_path / "corrected"
    assert main(["review", str(run), "--export", str(out)]) == 0
    written = {path.name for path in out.iterdir()}
    assert written == {name for name, _ in EXPORTS.values()}
    assert set(read_results(out / "tracks.txt").id.tolist()) == {1, 2, 4}


def test_second_start_names_the_first_and_ctrl_c_frees_the_folder(run, capsys):
    command = [sys.executable, "-m", "deepsort_reid", "review", str(run)]
    options = ["--port", "0", "--no-browser"]
    with subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            if "http://127.0.0.1:" in line:
                break
        assert main(["review", str(run), *options]) == 2
        assert str(process.pid) in read_error_line(capsys)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
    Review.open(run).close()
