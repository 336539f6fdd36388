"""The web demo: uploads, progress, results, and what is refused."""

import importlib.util
import time
import warnings
from pathlib import Path

import pytest

from tests.cli import synthetic_video

pytest.importorskip("starlette", reason="needs starlette, of the extra review")
pytest.importorskip("httpx", reason="needs httpx, of the extra dev")

with warnings.catch_warnings():  # about httpx, of which newer versions have another name
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

ROOT = Path(__file__).resolve().parents[1]


def load_demo():
    spec = importlib.util.spec_from_file_location("web_demo", ROOT / "examples" / "web_demo.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def make_client(tmp_path):
    def make(**options):
        app = load_demo().create_app(tmp_path, **options)
        return TestClient(app, base_url="http://127.0.0.1:8000")

    return make


def wait(client, job):
    """The job when it has ended, and the numbers of frames that were seen meanwhile."""
    seen, end = [], time.monotonic() + 300
    while time.monotonic() < end:
        state = client.get(f"/jobs/{job['id']}").json()
        seen.append(state["frames"])
        if state["status"] in ("done", "failed"):
            return state, seen
        time.sleep(0.02)
    raise AssertionError(f"not done: {state}")


def test_uploaded_video_is_tracked_and_its_results_can_be_read(make_client, tmp_path):
    video = synthetic_video.write_video(tmp_path / "two.avi", 30)
    client = make_client()
    answer = client.post("/jobs", params={"name": "My video.AVI"}, content=video.read_bytes())
    assert answer.status_code == 201
    state, seen = wait(client, answer.json())
    assert (state["status"], state["frames"], state["total"]) == ("done", 30, 30)
    assert seen == sorted(seen)
    assert {"tracks.txt", "people.csv", "summary.json", "index.html"} <= set(state["files"])
    job = f"/jobs/{state['id']}"
    assert client.get(f"{job}/preview.jpg").content[:2] == b"\xff\xd8"
    movie = next(name for name in state["files"] if name.startswith("video."))
    part = client.get(f"{job}/{movie}", headers={"range": "bytes=0-9"})
    assert (part.status_code, len(part.content)) == (206, 10)
    assert client.get(f"{job}/index.html").headers["content-type"].startswith("text/html")
    # The upload itself is not kept.
    assert not list(tmp_path.glob("*/upload*"))


def test_rendered_street(make_client):
    client = make_client(street_frames=20)
    state, _ = wait(client, client.post("/jobs?name=street").json())
    assert (state["status"], state["frames"]) == ("done", 20)


def test_page_has_its_script(make_client):
    client = make_client()
    assert "/page.js" in client.get("/").text
    assert "script-src" not in client.get("/").headers["content-security-policy"]
    assert client.get("/page.js").headers["content-type"].startswith("text/javascript")


def test_file_that_is_no_video_fails_with_one_line(make_client, tmp_path):
    client = make_client()
    state, _ = wait(client, client.post("/jobs?name=a.mp4", content=b"not a video").json())
    assert state["status"] == "failed"
    assert "\n" not in state["error"]
    assert str(tmp_path) not in state["error"]
    assert state["files"] == []


def test_upload_above_the_limit_is_refused_and_removed(make_client, tmp_path):
    answer = make_client(max_bytes=1000).post("/jobs?name=a.mp4", content=b"x" * 1001)
    assert answer.status_code == 413
    assert "at most" in answer.json()["error"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["", "a.exe", "mp4", "../../a.txt"])
def test_other_files_are_refused(make_client, name):
    answer = make_client().post("/jobs", params={"name": name}, content=b"x")
    assert answer.status_code == 415
    assert "expected a video" in answer.json()["error"]


def test_too_many_waiting_videos_are_refused(make_client):
    assert make_client(max_waiting=0).post("/jobs?name=a.mp4", content=b"x").status_code == 429


def test_other_pages_and_other_host_names_are_refused(make_client):
    client = make_client()
    for origin in ("http://example.com", "null", "http://127.0.0.1:9"):
        assert client.post("/jobs?name=street", headers={"origin": origin}).status_code == 403
    assert client.get("/", headers={"host": "example.com"}).status_code == 400


def test_only_results_can_be_read(make_client, tmp_path):
    client = make_client(street_frames=5)
    state, _ = wait(client, client.post("/jobs?name=street").json())
    (tmp_path / "secret.txt").write_text("secret")
    for name in ("..%2f..%2fsecret.txt", "%2e%2e", ".writable", "street.mp4", "nothing.txt"):
        assert client.get(f"/jobs/{state['id']}/{name}").status_code == 404
    assert client.get("/jobs/nothing").status_code == 404
