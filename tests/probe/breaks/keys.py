"""What may be wrong. Keys that are not opaque."""

import re
import unicodedata
from urllib.parse import quote, unquote

from breaks.making import add, rewrite
from http1 import Answer


def dots_resolved(path):
    kept = []
    for segment in path.split("/"):
        if unquote(segment) == "..":
            kept[-1:] = []
        elif unquote(segment) != ".":
            kept.append(segment)
    return "/".join(kept) if len(kept) > 2 else path


def keyed(change):
    """The key, read and written again."""

    def request(asked):
        if asked.key and asked.valid:
            changed = change(asked.key)
            asked.with_path(f"/{asked.bucket}/{quote(changed, safe='/-_.~')}" if changed != asked.key else asked.path)

    return request


for name, change in {
    "slashes in a row are one": lambda key: re.sub("//+", "/", key),
    "a slash at the end is lost": lambda key: key.rstrip("/") or key,
    "a slash at the beginning is lost": lambda key: key.lstrip("/") or key,
    "plus is a space": lambda key: key.replace("+", " "),
    "keys are unescaped twice": unquote,
    "keys are lower case": str.lower,
    "keys are composed": lambda key: unicodedata.normalize("NFC", key),
    "keys are decomposed": lambda key: unicodedata.normalize("NFD", key),
    "keys are ASCII": lambda key: key.encode("ascii", "ignore").decode(),
    "spaces at the ends are lost": lambda key: "/".join(part.strip(" ") for part in key.split("/")),
    "spaces are lost": lambda key: key.replace(" ", "_"),
    "a key ends at a question mark": lambda key: key.split("?")[0],
    "a key ends at a hash": lambda key: key.split("#")[0],
    "backslashes are slashes": lambda key: key.replace("\\", "/"),
    "control characters are lost": lambda key: re.sub("[\x00-\x1f\x7f]", "", key),
    "a key is 255 bytes": lambda key: key[:255],
    "punctuation is lost": lambda key: re.sub(r"[;:@,=$!*()'\[\]{}|^`~&<>\"]", "", key),
    "a key has no percent sign": lambda key: key.replace("%", ""),
    "a key is its last segment": lambda key: key.rsplit("/", 1)[-1] or key,
}.items():
    add(name, "keys copies listings forms deletion", keyed(change))


add("dots are resolved", "keys copies forms", lambda a: a.with_path(dots_resolved(a.path)) if a.valid else None)
add("keys may be of any length", "keys", lambda a: Answer(200, [], b"") if a.method == "PUT" and len(a.key) > 1024 else None)
add(
    "keys are listed without their escapes",
    "keys listings",
    None,
    lambda a, g: rewrite(
        g, b"<Key>([^<]*)</Key>", lambda m: b"<Key>" + unquote(m.group(1).decode()).replace("&", "&amp;").replace("<", "&lt;").encode() + b"</Key>"
    ),
)
add("what is not UTF-8 is stored", "keys", lambda a: Answer(200, [], b"") if a.method == "PUT" and re.search("%(ff|00|zz)", a.path) else None)
add(
    "a tar is a package",
    "keys",
    lambda a: Answer(404, [], b"") if a.method == "GET" and a.key.endswith((".tar.gz", "d41d8cd98f00b204e9800998ecf8427e")) else None,
)
add("any key is in every bucket", "keys buckets", None, lambda a, g: rewrite(g, b"<KeyCount>0</KeyCount>", b"<KeyCount>1</KeyCount>"))
add("escapes are compared as text", "keys", lambda a: Answer(200, [], b"another") if "%61bc" in a.path else None)
