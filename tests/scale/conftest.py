"""A Ray cluster of two CPUs on this machine."""

import secrets
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

CLUSTER = """
import sys
import ray
context = ray.init(
    num_cpus=2,
    include_dashboard=False,
    object_store_memory=100 * 2**20,
    log_to_driver=False,
    logging_level="ERROR",
    _temp_dir=sys.argv[1],
)
print(context.address_info["gcs_address"], flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def environment():
    """For the processes that the tests start: a token, which Ray would make in ~/.ray; our code."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(__file__).resolve().parents[2]))
        patch.setenv("RAY_AUTH_MODE", "token")
        patch.setenv("RAY_AUTH_TOKEN", secrets.token_hex(32))
        yield


@pytest.fixture(scope="module")
def cluster(environment):
    """Address of a cluster; a process of its own holds it."""
    # The path of a socket has at most 107 characters.
    folder = tempfile.mkdtemp(prefix="ray-")
    command = [sys.executable, "-c", CLUSTER, folder]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, text=True, **pipes) as process:
        address = process.stdout.readline().strip()
        assert address, process.stderr.read()
        yield address
        process.stdin.close()
        process.wait(timeout=60)
    shutil.rmtree(folder, ignore_errors=True)
