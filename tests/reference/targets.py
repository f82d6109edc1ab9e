"""Which path a request's target means, and which faults it has: docs/reference/http.md, "Object paths"."""

import re
from functools import lru_cache

LONGEST_TARGET = 8192
LONGEST_PATH = 1024

# RFC 3986 sections 3.3 and 3.4, and what http.md names besides: a plain backslash has a refusal of its own.
_TARGET = re.compile(r"/[A-Za-z0-9\-._~!$&'()*+,;=:@/%\\]*(\?[A-Za-z0-9\-._~!$&'()*+,;=:@/?%]*)?")
_ESCAPE = re.compile(rb"%([0-9A-Fa-f]{2})")


def is_target(target):
    """Whether an HTTP request's head can carry it at all."""
    return _TARGET.fullmatch(target) is not None


@lru_cache(4096)
def decode(path):
    """The decoded path and no fault, or the reasons for which it is refused: any of them may be the one that is named."""
    raw = path.encode()
    faults = set()
    if not raw.startswith(b"/"):
        faults.add("path_not_absolute")
    if re.search(rb"%(?![0-9A-Fa-f]{2})", raw):
        faults.add("path_bad_escape")
    if re.search(rb"%2[Ff]", raw):
        faults.add("path_encoded_slash")
    decoded = unescape(raw)
    if b"\\" in decoded:
        faults.add("path_backslash")
    if b"\0" in decoded:
        faults.add("path_nul")
    # Segments are those of the undecoded path: an encoded slash divides nothing.
    segments = [unescape(part) for part in raw[1:].split(b"/")]
    if b"" in segments:
        faults.add("path_empty_segment")
    if b"." in segments or b".." in segments:
        faults.add("path_dot_segment")
    if len(decoded) - 1 > LONGEST_PATH:
        faults.add("path_too_long")
    try:
        text = decoded.decode()
    except UnicodeDecodeError:
        faults.add("path_not_utf8")
        text = None
    return (None if faults else text), frozenset(faults)


def unescape(raw):
    """What is no escape stays."""
    return _ESCAPE.sub(lambda match: bytes([int(match[1], 16)]), raw) if b"%" in raw else raw
