"""What all tests share: where the real data is, and a browser."""

import os
import signal
from pathlib import Path

import pytest

from tests.browsers import find_browser

BESIDE_THE_CHECKOUT = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def data_root() -> Path:
    """Folder of real sequences, crops and models; a test that asks for it fails without it."""
    folder = Path(os.environ.get("DEEPSORT_REID_DATA") or BESIDE_THE_CHECKOUT)
    if not folder.is_dir():
        pytest.fail(
            f"no data at {folder}: set DEEPSORT_REID_DATA to the folder, "
            "or leave these tests out with -m 'not data'"
        )
    return folder


@pytest.fixture(scope="session")
def chromium():
    """A headless Chromium or Chrome; one for all tests, because Playwright runs once a thread."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=["--no-sandbox"])
        yield browser
        browser.close()


def pytest_configure():
    """Take back ignored signals: shells start background jobs with SIGINT ignored, nohup SIGHUP."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
