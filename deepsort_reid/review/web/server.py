"""Server of the review page: a Starlette application over one `Review`."""

import json
import mimetypes
import threading
from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from deepsort_reid.io.video_reader import open_video
from deepsort_reid.review.edits import edit_from_dict
from deepsort_reid.review.session import Review
from deepsort_reid.review.web.access import AccessGuard
from deepsort_reid.structures.frame import Frame

PAGE = Path(__file__).parent / "page"
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_MAX_BODY = 2**16  # bytes of an edit
_MAX_CROP_HEIGHT = 256  # pixels
_KEPT_CROPS = 4096  # of some 10 kB each
_JPEG = [int(cv2.IMWRITE_JPEG_QUALITY), 88]
_VIDEO_TYPES = {
    ".mp4": "video/mp4",
    ".m4v": "video/mp4",
    ".mov": "video/mp4",
    ".webm": "video/webm",
}


def create_app(review: Review, token: str, *, any_host: bool = False) -> Starlette:
    """The application.

    Args:
        review: is not closed by the application.
        token: that requests for data must have.
        any_host: accept requests for every host name, not only for those of this machine.
    """
    # Windows may have another type for them in its registry, and browsers refuse that.
    mimetypes.add_type("text/javascript", ".js")
    mimetypes.add_type("text/css", ".css")
    handlers = _Handlers(review)
    routes = [
        Route("/api/state", handlers.state),
        Route("/api/boxes", handlers.boxes),
        Route("/api/gallery", handlers.gallery),
        Route("/api/alike", handlers.alike),
        Route("/api/crop", handlers.crop),
        Route("/api/frame", handlers.frame),
        Route("/api/export/{kind}", handlers.export),
        Route("/api/edit", handlers.edit, methods=["POST"]),
        Route("/api/undo", handlers.undo, methods=["POST"]),
        Route("/api/redo", handlers.redo, methods=["POST"]),
        Route("/video", handlers.video),
        Mount("/", StaticFiles(directory=PAGE, html=True)),
    ]
    guard = Middleware(
        AccessGuard,
        token=token,
        hosts=None if any_host else LOOPBACK,
        guarded=("/api/", "/video"),
    )
    errors: dict[Any, Any] = {HTTPException: _http_error, ValueError: _bad_input, OSError: _failure}
    return Starlette(routes=routes, middleware=[guard], exception_handlers=errors)


def _http_error(request: Request, error: Any) -> Response:
    return JSONResponse({"error": error.detail}, status_code=error.status_code)


def _bad_input(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, status_code=400)


def _failure(request: Request, error: Exception) -> Response:
    """A full disk, for example: the edit is not made, and the page says so."""
    return JSONResponse({"error": f"nothing was changed: {error}"}, status_code=500)


class _Handlers:
    """Answers of the server. Functions that are not `async` run in threads."""

    def __init__(self, review: Review) -> None:
        self._review = review
        self._lock = threading.Lock()  # an edit and the state after it belong together
        self._crop_file = lru_cache(_KEPT_CROPS)(self._make_crop)

    def state(self, request: Request) -> Response:
        with self._lock:
            return JSONResponse({**self._state(), "info": self._info()})

    def _state(self) -> dict[str, Any]:
        review = self._review
        return {
            "revision": review.revision,
            "can_undo": review.can_undo,
            "can_redo": review.can_redo,
            "pieces": [each._asdict() for each in review.pieces()],
            "persons": [each._asdict() for each in review.persons()],
            "doubts": [each._asdict() for each in review.doubts()],
        }

    def _info(self) -> dict[str, Any]:
        info = self._review.info
        times = None if info.video is None else _player_times(info.video)
        return {
            "name": info.name,
            "width": info.width,
            "height": info.height,
            "fps": info.fps,
            "every": info.every,
            "first_frame": info.first_frame,
            "last_frame": info.last_frame,
            "times": None if info.times is None else np.round(info.times, 6).tolist(),
            "warnings": info.warnings,
            "video_url": None if info.video is None else "/video",
            # In the file, by which a player seeks; its frame rate may be another one.
            "video_times": None if times is None else np.round(times, 6).tolist(),
            "has_images": (info.source or info.video) is not None,
            "has_drawings": info.source is None and info.video is not None,
        }

    def boxes(self, request: Request) -> Response:
        """Columns one after the other, little-endian: frame, piece (int32), xyxy (float32)."""
        boxes = self._review.boxes
        columns = (boxes.frame.astype("<i4"), boxes.piece.astype("<i4"), boxes.xyxy.astype("<f4"))
        data = b"".join(np.ascontiguousarray(column).tobytes() for column in columns)
        return Response(data, media_type="application/octet-stream")

    def gallery(self, request: Request) -> Response:
        distances = request.query_params.get("distances") == "1"  # take longer
        crops = self._review.crops(_number(request, "person"), distances=distances)
        return JSONResponse([each._asdict() for each in crops])

    def alike(self, request: Request) -> Response:
        return JSONResponse(self._review.alike(_number(request, "person")))

    def crop(self, request: Request) -> Response:
        piece, frame = _number(request, "piece"), _number(request, "frame")
        known = self._review.state.pieces.get(piece)
        # After an undo, the id of a piece may be given to a part of another track.
        data = self._crop_file(piece, frame, None if known is None else known.track)
        return Response(data, media_type="image/jpeg", headers={"cache-control": "private"})

    def _make_crop(self, piece: int, frame: int, track: int | None) -> bytes:
        image = self._review.crop(piece, frame)
        if image is None:
            raise HTTPException(404, f"no picture of frame {frame}")
        scale = _MAX_CROP_HEIGHT / image.shape[0]
        if scale < 1:
            size = max(round(scale * image.shape[1]), 1), _MAX_CROP_HEIGHT
            image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
        return _jpeg(image)

    def frame(self, request: Request) -> Response:
        number = _number(request, "frame")
        image = self._review.frame(number)
        if image is None:
            raise HTTPException(404, f"no picture of frame {number}")
        headers = {"cache-control": "private, max-age=3600"}
        return Response(_jpeg(image), media_type="image/jpeg", headers=headers)

    def video(self, request: Request) -> Response:
        path = self._review.info.video
        if path is None or not path.is_file():
            raise HTTPException(404, "no video")
        media_type = _VIDEO_TYPES.get(path.suffix.lower())
        return FileResponse(path, media_type=media_type)

    async def edit(self, request: Request) -> Response:
        body = await _body(request)
        edit = edit_from_dict(body.get("edit"))
        return await self._change(body, partial(self._review.apply, edit))

    async def undo(self, request: Request) -> Response:
        return await self._change(await _body(request), self._review.undo)

    async def redo(self, request: Request) -> Response:
        return await self._change(await _body(request), self._review.redo)

    async def _change(self, body: dict[str, Any], change: Callable[[], None]) -> Response:
        """Make a change if the page has seen the newest state; answers with the state after it."""

        def make() -> Response:
            with self._lock:
                if body.get("revision") != self._review.revision:
                    raise HTTPException(409, "the run was corrected elsewhere meanwhile")
                change()
                return JSONResponse(self._state())

        return await run_in_threadpool(make)

    def export(self, request: Request) -> Response:
        folder = TemporaryDirectory(prefix="deepsort-reid-review-")
        try:
            with self._lock:
                file = self._review.export(request.path_params["kind"], Path(folder.name))
        except BaseException:
            folder.cleanup()
            raise
        name = f"{self._review.info.name}-{file.name}"
        done = BackgroundTask(folder.cleanup)
        return FileResponse(file, filename=name, background=done)


async def _body(request: Request) -> dict[str, Any]:
    """The JSON object of a request; other types cannot come from the page."""
    if request.headers.get("content-type", "").partition(";")[0] != "application/json":
        raise HTTPException(415, "expected application/json")
    data = b""
    async for part in request.stream():
        data += part
        if len(data) > _MAX_BODY:
            raise HTTPException(413, f"expected up to {_MAX_BODY} bytes")
    try:
        body = json.loads(data)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise HTTPException(400, "expected a JSON object")
    return body


@lru_cache(1)
def _player_times(path: Path) -> NDArray[np.float64] | None:
    """Times of the frames in a file that browsers may play; None for other files."""
    if path.suffix.lower() not in _VIDEO_TYPES:
        return None
    try:
        return open_video(path).times()
    except (OSError, ValueError):
        return None


def _number(request: Request, name: str) -> int:
    text = request.query_params.get(name, "")
    if not text.isascii() or not text.isdecimal() or len(text) > 10:
        raise HTTPException(400, f"{name}: expected a whole number, got {text!r:.40}")
    return int(text)


def _jpeg(image: Frame) -> bytes:
    done, data = cv2.imencode(".jpg", image, _JPEG)
    if not done:
        raise HTTPException(500, "the picture cannot be encoded")
    return bytes(data)
