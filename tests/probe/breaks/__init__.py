"""What may be wrong with a store, one thing at a time: see breaker.py. Which checks notice each stands in breaks.toml."""

import importlib

from breaks.making import EVERYTHING

SUBJECTS = ("asking", "answers", "objects", "reads", "keys", "listings", "parts", "copies", "buckets", "checksums", "forms", "cors")  # fmt: skip

for subject in SUBJECTS:
    importlib.import_module(f"breaks.{subject}")

__all__ = ["EVERYTHING"]
