"""Named networks: download from a server on loopback, checks of the content, errors, cache."""

import gc
import hashlib
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from deepsort_reid.cli.main import main
from deepsort_reid.vision.detectors import load_detector
from deepsort_reid.vision.model_files import DETECTORS, ModelFile, fetch_detector
from tests.cli import synthetic_video
from tests.vision.detectors.yolox_files import GREY, write_yolox

# The connection of a failed transfer is left to the garbage collector by pooch.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


class Server(ThreadingHTTPServer):
    """Serves one content on every path.

    Attributes:
        content: bytes of the file.
        sent: number of bytes that are sent before the connection is closed; None for all.
        status: HTTP status.
        requests: number of requests so far.
    """

    daemon_threads = False  # so that closing waits for the answers

    def __init__(self, content):
        super().__init__(("127.0.0.1", 0), Handler)
        self.content, self.sent, self.status, self.requests = content, None, 200, 0
        self.lock = threading.Lock()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}/yolox_test.onnx"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        with self.server.lock:
            self.server.requests += 1
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(self.server.content)))
        self.end_headers()
        self.wfile.write(self.server.content[: self.server.sent])

    def log_message(self, *arguments):
        pass


@pytest.fixture
def model(tmp_path):
    """Content of a small YOLOX network with one detection in GREY."""
    return write_yolox(tmp_path / "a.onnx", {0: (0, 0, 1, 1, 1, 0.4, 0)}).read_bytes()


@pytest.fixture
def server(model):
    with Server(model) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.02,))
        thread.start()
        yield running
        running.shutdown()
        thread.join()
    gc.collect()


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """Folder of the cache; it does not exist yet. Requests use no proxy."""
    folder = tmp_path / "cache" / "models"
    monkeypatch.setenv("DEEPSORT_REID_CACHE", str(folder))
    monkeypatch.setenv("NO_PROXY", "*")
    return folder


@pytest.fixture
def named(server, model, monkeypatch):
    """The name "yolox_test" of the network on the server; returns its row of the table."""
    row = ModelFile(server.url, hashlib.sha256(model).hexdigest(), len(model))
    monkeypatch.setitem(DETECTORS, "yolox_test", row)
    return row


def files_in(folder):
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_network_is_downloaded_once_and_announced(cache, server, named, capfd):
    assert len(load_detector("yolox_test")(GREY)) == 1
    captured = capfd.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    megabytes = f"{named.size / 1e6:.1f} MB"
    expected = f"downloading {megabytes} from {server.url} to {cache / 'yolox_test.onnx'}"
    assert line == f"yolox_test: {expected}"
    assert load_detector("yolox_test", min_score=0.2).format == "YOLOX"
    assert server.requests == 1
    assert capfd.readouterr() == ("", "")
    assert files_in(cache) == ["yolox_test.onnx"]


def test_cached_network_needs_no_server(cache, model, named, server):
    cache.mkdir(parents=True)
    (cache / "yolox_test.onnx").write_bytes(model)  # put there by hand
    assert fetch_detector("yolox_test") == cache / "yolox_test.onnx"
    assert server.requests == 0


def test_progress_is_shown_on_a_terminal(cache, named, capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    fetch_detector("yolox_test")
    assert "100%" in capsys.readouterr().err


def test_other_content_is_discarded(cache, server, named):
    server.content = b"<html>log in to the network</html>"
    with pytest.raises(ValueError, match=r"^yolox_test: the file from http://127") as error:
        fetch_detector("yolox_test")
    message = str(error.value)
    assert named.sha256 in message
    assert f"save it as {cache / 'yolox_test.onnx'}" in message
    assert "\n" not in message
    assert files_in(cache) == []


def test_damaged_file_in_the_cache_is_downloaded_again(cache, model, named, server, capfd):
    cache.mkdir(parents=True)
    (cache / "yolox_test.onnx").write_bytes(model[:-1])
    assert fetch_detector("yolox_test").read_bytes() == model
    assert capfd.readouterr().err.endswith("onnx, because it has another SHA-256 than expected\n")
    assert server.requests == 1


def test_damaged_file_in_the_cache_is_kept_and_not_used_without_network(cache, model, named):
    cache.mkdir(parents=True)
    (cache / "yolox_test.onnx").write_bytes(model[:-1])
    DETECTORS["yolox_test"] = named._replace(url="http://127.0.0.1:1/yolox_test.onnx")
    with pytest.raises(OSError, match="cannot be downloaded"):
        fetch_detector("yolox_test")
    assert files_in(cache) == ["yolox_test.onnx"]


@pytest.mark.parametrize("problem", ["broken transfer", "not found", "no server", "no name"])
def test_failed_download_says_where_to_put_the_file(cache, server, named, problem):
    if problem == "broken transfer":
        server.sent = len(server.content) // 2
    elif problem == "not found":
        server.status = 404
    elif problem == "no server":
        DETECTORS["yolox_test"] = named._replace(url="http://127.0.0.1:1/yolox_test.onnx")
    else:
        DETECTORS["yolox_test"] = named._replace(url="http://host.invalid/yolox_test.onnx")
    with pytest.raises(OSError, match=r"^yolox_test: cannot be downloaded \(") as error:
        fetch_detector("yolox_test")
    message = str(error.value)
    url = DETECTORS["yolox_test"].url
    assert f"download {url} elsewhere and save it as {cache / 'yolox_test.onnx'}" in message
    assert "DEEPSORT_REID_CACHE" in message
    assert "\n" not in message
    assert len(message) < 600
    assert files_in(cache) == []


def test_transfer_that_failed_can_be_repeated(cache, server, named, model):
    server.sent = len(server.content) // 2
    with pytest.raises(OSError, match="cannot be downloaded"):
        fetch_detector("yolox_test")
    server.sent = None
    assert fetch_detector("yolox_test").read_bytes() == model


def test_cache_that_is_no_folder_is_named(tmp_path, named, monkeypatch):
    monkeypatch.setenv("DEEPSORT_REID_CACHE", str(tmp_path / "a.onnx"))
    with pytest.raises(OSError, match=r"cannot be downloaded .*a\.onnx"):
        fetch_detector("yolox_test")


def test_two_processes_download_at_once(cache, named, model):
    code = (
        "import sys; from deepsort_reid.vision.model_files import *;"
        "DETECTORS['yolox_test'] = ModelFile(sys.argv[1], sys.argv[2], int(sys.argv[3]));"
        "print(fetch_detector('yolox_test'))"
    )
    command = [sys.executable, "-c", code, *map(str, named)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    for process in running:
        assert process.communicate()[0].strip() == str(cache / "yolox_test.onnx")
        assert process.returncode == 0
    assert (cache / "yolox_test.onnx").read_bytes() == model
    assert files_in(cache) == ["yolox_test.onnx"]


def test_name_is_never_a_file(cache, named, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("yolox_test", "yolox_test.onnx"):
        (tmp_path / name).write_bytes(b"another file")
    assert len(load_detector("yolox_test")(GREY)) == 1
    with pytest.raises(ValueError, match=r"yolox_test\.onnx: expected an ONNX model"):
        load_detector("yolox_test.onnx")
    with pytest.raises(ValueError, match=r"got './yolox_test'"):
        load_detector("./yolox_test")


def test_missing_file_with_a_known_name_gets_a_hint(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"yolox_s, without \.onnx, is downloaded"):
        load_detector(tmp_path / "yolox_s.onnx")


def test_command_reports_a_failed_download_in_one_line(cache, named, tmp_path, capfd):
    DETECTORS["yolox_test"] = named._replace(url="http://127.0.0.1:1/yolox_test.onnx")
    video = synthetic_video.write_sequence(tmp_path / "SEQ-01", 2, images=True)
    options = ["--detector", "yolox_test", "--out", str(tmp_path / "out"), "--quiet"]
    assert main(["track", str(video), *options]) == 2
    announced, error = capfd.readouterr().err.splitlines()
    assert announced.startswith("yolox_test: downloading")
    assert error.startswith("deepsort-reid track: yolox_test: cannot be downloaded")
    assert not (tmp_path / "out").exists()


def test_published_networks_are_complete_rows():
    assert {"yolox_tiny", "yolox_s"} <= set(DETECTORS)
    for name, row in DETECTORS.items():
        assert row.url.startswith("https://")
        assert row.url.endswith(f"/{name}.onnx")
        assert len(bytes.fromhex(row.sha256)) == 32
        assert row.size > 1e6
