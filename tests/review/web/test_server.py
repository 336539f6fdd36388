"""Requests to the server of the review page: data, corrections, exports, and who is refused."""

import json

import cv2
import httpx
import numpy as np
import pytest

from deepsort_reid.review import Review
from deepsort_reid.review.exports import EXPORTS
from deepsort_reid.review.web.access import CONTENT_SECURITY_POLICY
from deepsort_reid.review.web.server import PAGE
from tests.review import run_folders
from tests.review.web.servers import TOKEN, serve

DATA = ("/api/state", "/api/boxes", "/api/gallery?person=1", "/api/crop?piece=1&frame=3",
        "/api/frame?frame=1", "/api/export/mot", "/video")  # fmt: skip


@pytest.fixture
def visitor(review):
    """A client without the token."""
    with serve(review) as address, httpx.Client(base_url=address, timeout=60) as client:
        yield client


@pytest.fixture
def client(visitor):
    visitor.headers["x-review-token"] = TOKEN
    return visitor


def post(client, path, revision, edit=None):
    body = {"revision": revision} | ({} if edit is None else {"edit": edit})
    return client.post(path, json=body)


def persons(client):
    return {each["id"]: each for each in client.get("/api/state").json()["persons"]}


def image_size(answer):
    image = cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_COLOR)
    return image.shape[1::-1]


def test_state_has_all_that_the_page_shows(client, review):
    state = client.get("/api/state").json()
    assert state["revision"] == 0
    assert (state["can_undo"], state["can_redo"]) == (False, False)
    assert [each["id"] for each in state["persons"]] == [1, 2, 3, 4]
    assert state["pieces"][0]["first_frame"] == 1
    assert len(state["doubts"]) == len(review.doubts())
    info = state["info"]
    assert (info["width"], info["height"], info["fps"]) == (160, 120, 10)
    assert info["has_images"]
    assert info["video_times"] is None  # no browser plays an AVI file


def test_boxes_are_columns_of_four_bytes(client, review):
    data = client.get("/api/boxes").content
    boxes = review.boxes
    n = len(boxes.frame)
    assert len(data) == 24 * n
    assert np.array_equal(np.frombuffer(data, "<i4", n), boxes.frame)
    assert np.array_equal(np.frombuffer(data, "<i4", n, 4 * n), boxes.piece)
    assert np.array_equal(np.frombuffer(data, "<f4", 4 * n, 8 * n).reshape(-1, 4), boxes.xyxy)


def test_crop_shows_the_box_and_frame_the_whole_picture(client):
    assert image_size(client.get("/api/crop?piece=1&frame=5")) == (20, 50)
    assert image_size(client.get("/api/frame?frame=5")) == (160, 120)
    assert client.get("/api/crop?piece=1&frame=25").status_code == 400
    assert client.get("/api/frame?frame=1000").status_code == 404


def test_crop_of_a_piece_whose_id_was_given_anew_is_that_of_the_new_piece(client, review):
    def crop_after(track):
        split = {"kind": "split_track", "piece": track, "frame": 5}
        answer = post(client, "/api/edit", review.revision, split).json()
        (piece,) = (each["id"] for each in answer["pieces"] if each["id"] > 4)
        image = client.get(f"/api/crop?piece={piece}&frame=6").content
        post(client, "/api/undo", review.revision)
        return piece, cv2.imdecode(np.frombuffer(image, np.uint8), cv2.IMREAD_COLOR).mean((0, 1))

    (first, red), (second, blue) = crop_after(1), crop_after(2)
    assert first == second
    assert red.argmax() == 2
    assert blue.argmax() == 0


def test_gallery_and_alike_name_crops_and_persons(client):
    crops = client.get("/api/gallery?person=2").json()
    assert crops
    assert {crop["piece"] for crop in crops} == {2}
    assert all(client.get(f"/api/crop?piece=2&frame={each['frame']}").is_success for each in crops)
    assert all(
        id != 2 and 0 <= share <= 1 for id, share in client.get("/api/alike?person=2").json()
    )


def test_edit_undo_and_redo_answer_with_the_new_state(client):
    merged = post(client, "/api/edit", 0, {"kind": "merge_persons", "into": 1, "from": 3}).json()
    assert [each["id"] for each in merged["persons"]] == [1, 2, 4]
    assert (merged["revision"], merged["can_undo"]) == (1, True)
    undone = post(client, "/api/undo", 1).json()
    assert [each["id"] for each in undone["persons"]] == [1, 2, 3, 4]
    assert undone["can_redo"]
    assert post(client, "/api/redo", 2).json()["persons"] == merged["persons"]


def test_answered_edit_is_in_the_file(client, review):
    assert post(client, "/api/edit", 0, {"kind": "rename", "person": 2, "name": "Ada"}).is_success
    lines = (review.info.folder / "edits.jsonl").read_text().splitlines()
    assert json.loads(lines[-1])["name"] == "Ada"


def test_edit_of_a_page_with_an_older_state_is_refused(client):
    edit = {"kind": "rename", "person": 2, "name": "Ada"}
    assert post(client, "/api/edit", 0, edit).is_success
    late = post(client, "/api/edit", 0, {**edit, "name": "Bea"})
    assert late.status_code == 409
    assert persons(client)[2]["name"] == "Ada"


@pytest.mark.parametrize(
    "edit",
    [
        None,
        {"kind": "burn"},
        {"kind": "merge_persons", "into": 1, "from": 99},
        {"kind": "split_track", "piece": 1, "frame": 1},
        {"kind": "rename", "person": 1, "name": "x" * 1000},
    ],
)
def test_impossible_edit_is_refused_in_one_line_and_changes_nothing(client, edit):
    before = client.get("/api/state").json()
    answer = post(client, "/api/edit", 0, edit)
    assert answer.status_code == 400
    assert "\n" not in answer.json()["error"]
    assert client.get("/api/state").json() == before


def test_edit_that_cannot_be_written_is_not_made(client, review, monkeypatch):
    def fail(step):
        raise OSError(28, "No space left on device", "edits.jsonl")

    monkeypatch.setattr(review._log, "append", fail)
    answer = post(client, "/api/edit", 0, {"kind": "rename", "person": 2, "name": "Ada"})
    assert answer.status_code == 500
    assert "No space left" in answer.json()["error"]
    assert persons(client)[2]["name"] is None


@pytest.mark.parametrize("kind", EXPORTS)
def test_export_is_a_download(client, kind):
    answer = client.get(f"/api/export/{kind}")
    assert answer.is_success
    assert 'filename="run-' in answer.headers["content-disposition"]
    assert answer.content


def test_unknown_export_is_refused(client):
    assert client.get("/api/export/exe").status_code == 400


def test_video_is_sent_in_parts(client, video):
    data = video.read_bytes()
    part = client.get("/video", headers={"range": "bytes=10-19"})
    assert part.status_code == 206
    assert part.content == data[10:20]
    assert part.headers["content-range"] == f"bytes 10-19/{len(data)}"
    assert client.get("/video").content == data


def test_run_without_its_video_has_no_pictures(tmp_path):
    folder = run_folders.write_run(tmp_path / "run", tmp_path / "gone.mp4")
    headers = {"x-review-token": TOKEN}
    with (
        Review.open(folder) as review,
        serve(review) as address,
        httpx.Client(base_url=address, headers=headers, timeout=60) as client,
    ):
        info = client.get("/api/state").json()["info"]
        assert (info["video_url"], info["video_times"], info["has_images"]) == (None, None, False)
        assert any("gone.mp4" in line for line in info["warnings"])
        assert client.get("/video").status_code == 404
        assert client.get("/api/crop?piece=1&frame=3").status_code == 404


@pytest.mark.parametrize("path", DATA)
def test_data_needs_the_token(visitor, path):
    assert visitor.get(path).status_code == 403
    assert visitor.get(path, headers={"x-review-token": "guess"}).status_code == 403
    assert visitor.get(path, headers={"x-review-token": TOKEN}).is_success
    joint = "&" if "?" in path else "?"
    assert visitor.get(f"{path}{joint}token={TOKEN}").is_success


@pytest.mark.parametrize("path", ["/api/edit", "/api/undo", "/api/redo"])
def test_corrections_need_the_token(visitor, review, path):
    assert post(visitor, path, 0, {"kind": "delete", "piece": 1}).status_code == 403
    assert review.revision == 0


@pytest.mark.parametrize("path", DATA)
@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "http://127.0.0.1:9999"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},  # another port of this machine
        {"host": "evil.example:8765"},  # DNS rebinding
        {"host": "127.0.0.1.evil.example"},
    ],
    ids=str,
)
def test_requests_of_other_pages_are_refused_even_with_the_token(client, path, headers):
    assert client.get(path, headers=headers).status_code == 403


def test_edit_of_another_origin_changes_nothing(client, review):
    edit = {"revision": 0, "edit": {"kind": "delete", "piece": 1}}
    headers = {"origin": "http://evil.example"}
    assert client.post("/api/edit", json=edit, headers=headers).status_code == 403
    # A form of another page can send text without asking first.
    plain = {"content-type": "text/plain"}
    assert client.post("/api/edit", content=json.dumps(edit), headers=plain).status_code == 415
    assert review.revision == 0


@pytest.mark.parametrize("host", ["127.0.0.1:8765", "localhost:8765", "LOCALHOST", "[::1]:8765"])
def test_names_of_this_machine_are_accepted(client, host):
    assert client.get("/api/state", headers={"host": host}).is_success


def test_every_host_name_is_accepted_where_asked_for_but_the_token_is_needed(review):
    host = {"host": "desk.example:8765"}
    with serve(review, any_host=True) as address:
        assert httpx.get(f"{address}/api/state", headers=host).status_code == 403
        allowed = {**host, "x-review-token": TOKEN}
        assert httpx.get(f"{address}/api/state", headers=allowed).is_success


def test_page_holds_no_data_and_runs_no_script_but_its_own(visitor):
    answer = visitor.get("/")
    assert answer.is_success
    assert answer.headers["content-security-policy"] == CONTENT_SECURITY_POLICY
    assert "script-src 'self'" in CONTENT_SECURITY_POLICY
    assert "unsafe" not in CONTENT_SECURITY_POLICY
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["referrer-policy"] == "no-referrer"
    for file in PAGE.glob("*.js"):
        script = visitor.get(f"/{file.name}")
        assert script.headers["content-type"].startswith("text/javascript")
        assert script.headers["x-content-type-options"] == "nosniff"


def test_files_outside_the_page_are_not_served(client):
    for path in ("/../server.py", "/%2e%2e/server.py", "/..%2fserver.py", "//etc/passwd"):
        assert client.get(path).status_code in (403, 404)


def test_scripts_of_the_page_never_read_text_as_html():
    for file in PAGE.glob("*.js"):
        text = file.read_text(encoding="utf-8")
        for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
            assert word not in text, (file.name, word)


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"[" * 100000, b"x" * 100000])
def test_body_that_is_no_edit_is_refused(client, body):
    answer = client.post("/api/edit", content=body, headers={"content-type": "application/json"})
    assert answer.status_code in (400, 413)


@pytest.mark.parametrize("query", ["", "person=", "person=a", "person=-1", "person=%EF%BC%91"])
def test_number_that_is_none_is_refused(client, query):
    answer = client.get(f"/api/gallery?{query}")
    assert answer.status_code == 400
    assert "person" in answer.json()["error"]
