"""A web page that tracks an uploaded video and shows the result, for this machine alone.

python examples/web_demo.py (needs pip install 'deepsort-reid[review]'; then open the address it
prints)
"""

import argparse
import contextlib
import secrets
import shutil
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from deepsort_reid.cli import track
from deepsort_reid.io.video_reader import open_video
from deepsort_reid.scene import Street

HOSTS = ["127.0.0.1", "localhost"]
SUFFIXES = (".mp4", ".avi", ".mov", ".mkv", ".webm")
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>deepsort-reid</title>
<style>body{font:16px sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
img,video{max-width:100%;display:block;margin:1rem 0}progress{width:100%}
[hidden]{display:none !important}</style>
<h1>Track people in a video</h1>
<p><input type="file" id="file" accept="video/*" aria-label="video">
<button id="upload">Track this video</button> or <button id="street">a rendered street</button></p>
<p id="text" role="status"></p><progress id="progress" max="1" value="0" hidden></progress>
<img id="preview" alt="the newest tracked frame" hidden><video id="video" controls hidden></video>
<p id="links"></p><script src="/page.js"></script></html>"""
SCRIPT = """
const $ = (id) => document.getElementById(id);
const start = async (name, body) => {
  for (const id of ['preview', 'video']) $(id).hidden = true;
  $('links').replaceChildren();
  $('text').textContent = 'Sending ...';
  const answer = await fetch('/jobs?name=' + encodeURIComponent(name), {method: 'POST', body});
  const job = await answer.json();
  if (answer.ok) watch('/jobs/' + job.id); else $('text').textContent = job.error;
};
const watch = async (job) => {
  const {status, frames, total, files, error} = await (await fetch(job)).json();
  $('text').textContent = error || `${status}: ${frames} of ${total || '?'} frames`;
  $('progress').hidden = false;
  $('progress').value = status === 'done' ? 1 : frames / (total || 1e9);
  if (frames && status === 'tracking') $('preview').src = `${job}/preview.jpg?${frames}`;
  $('preview').hidden = !frames || status !== 'tracking';
  if (['waiting', 'rendering', 'tracking'].includes(status)) return setTimeout(watch, 500, job);
  const video = files.find((name) => /^video[.](mp4|webm)$/.test(name));
  if (video) { $('video').src = `${job}/${video}`; $('video').hidden = false; }
  for (const name of files) {
    const link = document.createElement('a');
    link.href = `${job}/${name}`; link.textContent = name; link.target = '_blank';
    $('links').append(link, ' ');
  }
};
$('upload').onclick = () => {
  const file = $('file').files[0];
  if (file) start(file.name, file); else $('text').textContent = 'Choose a video first.';
};
$('street').onclick = () => start('street', null);
"""


class Job:
    """One video, and what has come of it."""

    def __init__(self, folder, street_frames=None):
        self.id, self._street_frames = secrets.token_urlsafe(8), street_frames
        self.folder = Path(folder) / self.id
        self.status, self.error, self.frames, self.total = "waiting", "", 0, None
        self.preview = None
        self.folder.mkdir()

    def as_dict(self):
        """For the page: status, counts, and the files that may be read."""
        names = sorted(path.name for path in self.folder.glob("result/*") if path.is_file())
        files = [name for name in names if not name.startswith((".", "checkpoint"))]
        shown = {"id": self.id, "status": self.status, "error": self.error, "frames": self.frames}
        return {**shown, "total": self.total, "files": files if self.status == "done" else []}

    def run(self, video):
        """Track the video; an error is part of the status."""
        try:
            if self._street_frames is not None:
                self.status = "rendering"
                write_street(video, self._street_frames)
            self.status, self.total = "tracking", open_video(video).length
            track_video(video, self.folder / "result", self._show)
            self.status = "done"
        except (OSError, ValueError) as error:
            self.status, self.error = "failed", str(error).replace(f"{self.folder}/", "")
        finally:
            if self._street_frames is None:  # the upload is not kept
                video.unlink()
            else:
                shutil.rmtree(video, ignore_errors=True)

    def _show(self, image):
        self.frames, self.preview = self.frames + 1, image
        return True


def write_street(folder, frames):
    """A rendered street as a folder of images."""
    folder.mkdir()
    for number, frame, _ in Street(frames=frames, width=640, height=360):
        cv2.imwrite(str(folder / f"{number:06d}.png"), frame)


def track_video(video, out, show):
    """`deepsort-reid track` in this process; `show` gets each annotated frame."""
    parser = argparse.ArgumentParser()
    track.add_arguments(parser)
    args = parser.parse_args([str(video), "--out", str(out), "--quiet", "--checkpoint-every", "0"])
    parts = track.read_config(args.config, args.set)
    track.track_source(args, parts, lambda path, embedder: contextlib.nullcontext(), show)


class Demo:
    """The handlers of the requests; videos are tracked one after the other."""

    def __init__(self, folder, max_bytes=200 * 2**20, max_waiting=4, street_frames=150):
        self._folder, self._street_frames = folder, street_frames
        self._max_bytes, self._max_waiting = max_bytes, max_waiting
        self._jobs = {}
        self._worker = ThreadPoolExecutor(1)

    async def page(self, request):
        policy = "default-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'none'"
        return HTMLResponse(PAGE, headers={"content-security-policy": policy})

    async def script(self, request):
        return Response(SCRIPT, media_type="text/javascript")

    async def create(self, request):
        """Begin a job: the body is the video, or empty for the street."""
        own = str(request.base_url).rstrip("/")
        if request.headers.get("origin", own) != own:  # another page in the same browser
            raise HTTPException(403, "expected a request of this page")
        if sum(job.status == "waiting" for job in self._jobs.values()) >= self._max_waiting:
            raise HTTPException(429, f"{self._max_waiting} videos are waiting; try again later")
        name = request.query_params.get("name", "")
        is_street, suffix = name == "street", Path(name).suffix.lower()
        if not is_street and suffix not in SUFFIXES:
            raise HTTPException(415, f"expected a video, {', '.join(SUFFIXES)}, got {name!r:.80}")
        job = Job(self._folder, self._street_frames if is_street else None)
        video = job.folder / ("street" if is_street else f"upload{suffix}")
        if not is_street:
            await self._receive(request, video)
        self._jobs[job.id] = job
        self._worker.submit(job.run, video)
        return JSONResponse(job.as_dict(), status_code=201)

    async def _receive(self, request, path):
        """Write the body of a request to a file, up to the limit; without it, the folder goes."""
        received = 0
        try:
            with path.open("wb") as file:
                async for chunk in request.stream():
                    received += len(chunk)
                    if received > self._max_bytes:
                        limit = f"{self._max_bytes / 2**20:.0f} MiB"
                        raise HTTPException(413, f"expected a video of at most {limit}")
                    await run_in_threadpool(file.write, chunk)
        except BaseException:
            shutil.rmtree(path.parent)
            raise

    async def state(self, request):
        return JSONResponse(self._job(request).as_dict())

    async def file(self, request):
        """A result, or preview.jpg."""
        job, name = self._job(request), request.path_params["name"]
        if name == "preview.jpg" and job.preview is not None:
            image = cv2.imencode(".jpg", job.preview)[1].tobytes()
            return Response(image, media_type="image/jpeg", headers={"cache-control": "no-store"})
        if name not in job.as_dict()["files"]:
            raise HTTPException(404, f"no file {name!r:.80} of this video")
        return FileResponse(job.folder / "result" / name)

    def _job(self, request):
        job = self._jobs.get(request.path_params["id"])
        if job is None:
            raise HTTPException(404, "no such video")
        return job


async def as_json(request, error):
    return JSONResponse({"error": error.detail}, status_code=error.status_code)


def create_app(folder, **options):
    """The application; results are in `folder`. Options are those of `Demo`."""
    demo = Demo(folder, **options)
    return Starlette(
        routes=[
            Route("/", demo.page),
            Route("/page.js", demo.script),
            Route("/jobs", demo.create, methods=["POST"]),
            Route("/jobs/{id}", demo.state),
            Route("/jobs/{id}/{name}", demo.file),
        ],
        # A page elsewhere could have its own name lead to this machine (DNS rebinding).
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=HOSTS)],
        exception_handlers={HTTPException: as_json},
    )


def main(port=8000):
    """Serve until Ctrl-C; uploads and results are removed then."""
    with tempfile.TemporaryDirectory() as folder:
        print(f"open http://{HOSTS[0]}:{port}", flush=True)
        uvicorn.run(create_app(folder), host=HOSTS[0], port=port, log_level="warning")


if __name__ == "__main__":
    if len(sys.argv) > 2 or sys.argv[-1].startswith("-"):
        sys.exit(__doc__)
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 8000)
