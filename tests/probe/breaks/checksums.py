"""What may be wrong. Additional checksums."""

from breaker import refusal
from breaks.making import add, plain_chunks, setting

for name in ("crc32", "crc32c", "crc64nvme", "sha1", "sha256"):

    def untold(asked, given, name=name):
        setting(given, f"x-amz-checksum-{name}", None)

    def unlooked(asked, name=name):
        asked._set_headers([(key, value) for key, value in asked.headers if key.lower() != f"x-amz-checksum-{name}"])

    add(f"{name} is not told", "checksums", None, untold)
    add(f"{name} is not looked at", "checksums", unlooked)


add(
    "checksums are always told",
    "checksums",
    lambda a: a.with_header("x-amz-checksum-mode", "ENABLED") if a.valid and a.method in ("GET", "HEAD") else None,
)
add("trailers are not looked at", "checksums", lambda a: plain_chunks(a) if (a.header("x-amz-content-sha256") or "").endswith("-TRAILER") else None)
add(
    "trailers are not taken",
    "checksums",
    lambda a: refusal(501, "NotImplemented") if (a.header("x-amz-content-sha256") or "").endswith("-TRAILER") else None,
)
add("whole checksums are composite", "checksums", None, lambda a, g: setting(g, "x-amz-checksum-type", "COMPOSITE"))
add("every checksum is of the whole", "checksums", None, lambda a, g: setting(g, "x-amz-checksum-type", "FULL_OBJECT"))
add(
    "of several checksums one is looked at",
    "checksums",
    lambda a: a.without_headers("x-amz-checksum-sha256") if a.header("x-amz-checksum-crc32") else None,
)
add("checksums of parts are not looked at", "checksums", lambda a: a.without_headers("x-amz-checksum-") if a.parameter("uploadId") else None)
