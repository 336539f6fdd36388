"""Check of an .npz file before its arrays are read: what they would take in memory."""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np

# A file below this size in memory is read however well it is compressed.
_SMALL = 64 * 2**20  # bytes
# Boxes and embeddings are compressed to a half or so. It is more where most detections have no
# embedding, which is a row of zeros.
_MAX_COMPRESSION = 20


def check_npz_sizes(path: Path) -> None:
    """Raise ValueError where arrays are larger than their data, or far larger than the file.

    NumPy would reserve the memory that the header of an array asks for.
    """
    total = 0
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            total += entry.file_size
            if entry.filename.endswith(".npy"):
                with archive.open(entry) as member:
                    expected = _array_bytes(member)
                    if expected != entry.file_size - member.tell():
                        raise ValueError(f"{entry.filename}: the header does not fit the data")
    if total > max(_SMALL, _MAX_COMPRESSION * path.stat().st_size):
        raise ValueError(f"{total} bytes of arrays in a file of {path.stat().st_size}")


def _array_bytes(member: Any) -> int:
    """Read the header of an array; returns the number of bytes that should follow."""
    try:
        is_first = np.lib.format.read_magic(member) == (1, 0)
        format: Any = np.lib.format
        read = format.read_array_header_1_0 if is_first else format.read_array_header_2_0
        shape, _, dtype = read(member)
    except Exception as error:  # NumPy parses the header as Python: errors of many kinds
        raise ValueError(f"not the header of an array ({type(error).__name__})") from None
    if dtype.hasobject:
        raise ValueError("an array of Python objects")
    size = int(dtype.itemsize)
    for side in shape:
        size *= int(side)
    return size
