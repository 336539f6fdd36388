"""Detector networks with a name, downloaded once into the user's cache."""

import sys
from pathlib import Path
from typing import Any, NamedTuple

CACHE_VARIABLE = "DEEPSORT_REID_CACHE"

_TIMEOUT = 30  # seconds without an answer of the server
_CHUNK = 1 << 16  # bytes


class ModelFile(NamedTuple):
    """Where a network is published, and by what it is known to be complete and unchanged."""

    url: str
    sha256: str
    size: int  # bytes


_YOLOX = "https://github.com/Megvii-BaseDetection/YOLOX/releases/download/0.1.1rc0"
# Apache-2.0, trained on COCO by the authors of YOLOX.
DETECTORS = {
    "yolox_tiny": ModelFile(
        f"{_YOLOX}/yolox_tiny.onnx",
        "427cc366d34e27ff7a03e2899b5e3671425c262ea2291f88bb942bc1cc70b0f7",
        20_219_662,
    ),
    "yolox_s": ModelFile(
        f"{_YOLOX}/yolox_s.onnx",
        "c5c2d13e59ae883e6af3b45daea64af4833a4951c92d116ec270d9ddbe998063",
        35_858_002,
    ),
}


def fetch_detector(name: str) -> Path:
    """Path of a network of `DETECTORS` in the user's cache, where it is downloaded if missing.

    The cache is the folder in the environment variable DEEPSORT_REID_CACHE, or the usual one of
    the operating system. A file that is there with the right SHA-256 needs no network. A download
    is announced in one line on stderr, with a progress bar on a terminal.

    Raises:
        ValueError: the downloaded file has another SHA-256; it is not kept.
        OSError: the file cannot be downloaded or stored; the message says where to put it by hand.
    """
    import pooch  # takes half a second to load

    model, file = DETECTORS[name], f"{name}.onnx"
    store = pooch.create(
        pooch.os_cache("deepsort-reid"),
        base_url="",
        registry={file: f"sha256:{model.sha256}"},
        urls={file: model.url},
        env=CACHE_VARIABLE,
    )
    path = Path(store.abspath) / file
    try:
        is_present = path.exists()
        if is_present and pooch.file_hash(str(path)) == model.sha256:
            return path
        reason = ", because it has another SHA-256 than expected" if is_present else ""
        print(
            f"{name}: downloading {model.size / 1e6:.1f} MB from {model.url} to {path}{reason}",
            file=sys.stderr,
        )
        _download(store, file)
    except ValueError as error:  # of pooch
        raise ValueError(
            f"{name}: the file from {model.url} was discarded, because it has another SHA-256 than "
            f"expected, {model.sha256}: the transfer or the file is damaged, or a proxy answered; "
            f"try again, or {_by_hand(model, path)}"
        ) from error
    except OSError as error:
        raise OSError(
            f"{name}: cannot be downloaded ({_reason(error)}): try again with a network "
            f"connection, or {_by_hand(model, path)}"
        ) from error
    return path


def _by_hand(model: ModelFile, path: Path) -> str:
    return (
        f"download {model.url} elsewhere and save it as {path} (another folder: {CACHE_VARIABLE})"
    )


def _download(store: Any, file: str) -> None:
    import pooch

    logger = pooch.get_logger()
    level = logger.level
    logger.setLevel("WARNING")  # what it would say is in our line
    try:
        store.fetch(
            file,
            downloader=pooch.HTTPDownloader(
                progressbar=sys.stderr is not None and sys.stderr.isatty(),
                chunk_size=_CHUNK,
                timeout=_TIMEOUT,
            ),
        )
    finally:
        logger.setLevel(level)


def _reason(error: OSError) -> str:
    """What went wrong, in one line, without the layers of HTTP libraries around it."""
    reason = getattr(error.args[0], "reason", error) if error.args else error
    text = " ".join(str(reason).split()) or type(error).__name__
    return text.partition(" | ")[0]  # pooch's advice
