"""Checks that the engine and the Python package `safetensors` read each other's files.

Usage: safetensors_interchange.py DRIVER, where DRIVER is the program made of safetensors_driver.cpp.
"""

import os
import subprocess
import sys
import tempfile

try:
    import numpy as np
    from safetensors import safe_open
    from safetensors.numpy import save_file
except ImportError as error:
    print(f"SKIPPED: {error}")
    sys.exit(0)

EXPECTED = {
    "blocks.0.weight": (np.arange(90, dtype=np.float32) / np.float32(7) - np.float32(3)).reshape(2, 3, 3, 5),
    "optimiser.moments": 1.0 / np.arange(1, 12, dtype=np.float64),
    "scalar": np.array(-0.1, dtype=np.float64),
    "single": np.array([1e-45], dtype=np.float32),
}
METADATA = {"model": "srcnn", "unicode": "naïve ×2", "step": "17"}


def read(path):
    with safe_open(path, framework="numpy") as file:
        return {name: file.get_tensor(name) for name in file.keys()}, file.metadata()  # noqa: SIM118, a file is no dict


def check_contents(path):
    tensors, metadata = read(path)
    assert metadata == METADATA, metadata
    assert tensors.keys() == EXPECTED.keys(), sorted(tensors)
    for name, expected in EXPECTED.items():
        tensor = tensors[name]
        assert tensor.dtype == expected.dtype and tensor.shape == expected.shape, name
        assert tensor.tobytes() == expected.tobytes(), name


def main(driver):
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = os.path.join(folder, "ours.safetensors"), os.path.join(folder, "theirs.safetensors")
        subprocess.run([driver, "write", ours], check=True)
        check_contents(ours)
        tensors, metadata = read(ours)
        save_file(tensors, theirs, metadata=metadata)
        check_contents(theirs)
        subprocess.run([driver, "same", ours, theirs], check=True)

        tensors["single"] = np.array([1.0], dtype=np.float32)
        save_file(tensors, theirs, metadata=metadata)
        assert subprocess.run([driver, "same", ours, theirs]).returncode == 1, "a changed value went unnoticed"
    print("identical both ways")


if __name__ == "__main__":
    main(sys.argv[1])
