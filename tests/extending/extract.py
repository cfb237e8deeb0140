"""Writes the code blocks of docs/extending.md that name a file to that file under a folder, unless it holds them already.

Usage: extract.py docs/extending.md FOLDER
"""
import re
import sys
from pathlib import Path

BLOCK = re.compile(r"^```cpp file=(\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

document, folder = Path(sys.argv[1]), Path(sys.argv[2])
for name, code in BLOCK.findall(document.read_text()):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text() != code:
        path.write_text(code)
    print(name)
