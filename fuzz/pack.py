#!/usr/bin/env python3
"""The corpus as one file a target, with one input a line in Base64: `pack.py unpack FILE FOLDER`, `pack.py pack FOLDER FILE`."""

import base64
import hashlib
import sys
from pathlib import Path


def unpack(file, folder):
    folder.mkdir(parents=True, exist_ok=True)
    for line in file.read_text().split("\n")[:-1] if file.exists() else []:
        data = base64.b64decode(line, validate=True)
        (folder / hashlib.sha1(data).hexdigest()).write_bytes(data)


def pack(folder, file):
    inputs = sorted((path.read_bytes() for path in folder.iterdir()), key=lambda data: (len(data), data))
    file.write_text("".join(base64.b64encode(data).decode() + "\n" for data in inputs))


{"pack": pack, "unpack": unpack}[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3]))
