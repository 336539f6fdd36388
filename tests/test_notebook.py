"""The notebook runs from its first cell to its last, draws pictures, and is stored without them."""

import base64
from pathlib import Path

import cv2
import numpy as np
import pytest

nbformat = pytest.importorskip("nbformat", reason="needs nbformat, of the extra dev")
nbclient = pytest.importorskip("nbclient", reason="needs nbclient, of the extra dev")
pytest.importorskip("ipykernel", reason="needs ipykernel, of the extra dev")

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOK = ROOT / "examples" / "track_people.ipynb"


def test_notebook_is_stored_without_outputs():
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert code
    assert all(not cell.outputs and cell.execution_count is None for cell in code)
    assert NOTEBOOK.stat().st_size < 10_000


def test_notebook_runs_and_draws_pictures(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbclient.NotebookClient(notebook, timeout=600, kernel_name="python3").execute()
    outputs = [out for cell in notebook.cells for out in cell.get("outputs", ())]
    pictures = [
        cv2.imdecode(
            np.frombuffer(base64.b64decode(out.data["image/jpeg"]), np.uint8), cv2.IMREAD_COLOR
        )
        for out in outputs
        if "data" in out and "image/jpeg" in out.data
    ]
    assert [picture.shape for picture in pictures] == [(360, 640, 3)] * 2
    assert (pictures[0] != pictures[1]).any()  # the second one has a name
    printed = "".join(out.text for out in outputs if out.output_type == "stream")
    assert "person 1 appeared" in printed
    assert "HOTA " in printed
