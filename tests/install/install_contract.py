"""`cmake --install`: programs, weights, completion, and the library for a program of another project.

Usage: install_contract.py BUILD_FOLDER, built with DNSP_LIBRARY=ON.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE, BUILD = Path(__file__).resolve().parent, Path(sys.argv[1])


def run(*command, **options):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


with tempfile.TemporaryDirectory() as temporary:
    prefix, example = Path(temporary) / "prefix", Path(temporary) / "example"
    run("cmake", "--install", BUILD, "--prefix", prefix)
    environment = {"PATH": os.environ["PATH"]}
    listed = run(prefix / "bin/upscale", "--list-weights", env=environment)
    shipped = {file.stem for file in (HERE.parents[1] / "weights").glob("*.safetensors")}
    assert {line.split()[0] for line in listed.splitlines() if "no weights" not in line} == shipped, listed
    completion = prefix / "share/bash-completion/completions/upscale"
    pressed = f'. {completion}; COMP_WORDS=(./upscale --sp); COMP_CWORD=1; _dnsp ./upscale; echo "${{COMPREPLY[@]}}"'
    words = run("bash", "-c", pressed, cwd=prefix / "bin")
    assert words.split() == ["--spread"], words
    run("cmake", "-S", HERE, "-B", example, f"-DCMAKE_PREFIX_PATH={prefix}", "-DCMAKE_BUILD_TYPE=Debug")
    run("cmake", "--build", example)
    assert "PSNR" in run(example / "example")
print("installation: passed")
