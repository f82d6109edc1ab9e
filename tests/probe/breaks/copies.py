"""What may be wrong. Copies, versions, tags, access control lists."""

import time
from urllib.parse import quote, unquote

from breaker import refusal
from breaks.making import add, emptied, rewrite, setting, with_body
from http1 import Answer

add("REPLACE is not looked at", "copies", lambda a: a.without_headers("x-amz-metadata-directive", "x-amz-tagging-directive"))
add(
    "every copy replaces",
    "copies checksums",
    lambda a: a.with_header("x-amz-metadata-directive", "REPLACE") if a.header("x-amz-copy-source") and a.valid else None,
)
add(
    "tags are not copied",
    "copies",
    lambda a: a.with_header("x-amz-tagging-directive", "REPLACE") if a.header("x-amz-copy-source") and a.valid else None,
)
add(
    "the source is unescaped twice",
    "copies",
    lambda a: (
        a.with_header("x-amz-copy-source", quote(unquote(unquote(a.header("x-amz-copy-source")))))
        if a.header("x-amz-copy-source") and a.valid
        else None
    ),
)
add("a source begins with a slash", "copies", lambda a: refusal(400, "InvalidArgument") if (a.header("x-amz-copy-source") or "/")[0] != "/" else None)
add("a copy moves", "copies", None, lambda a, g: (a.aside("DELETE", a.key) if a.header("x-amz-copy-source") else None))
add(
    "copies of other buckets are refused",
    "copies",
    lambda a: refusal(403, "AccessDenied") if a.header("x-amz-copy-source") and a.bucket not in a.header("x-amz-copy-source") else None,
)
add("versionId is not looked at", "versions", lambda a: a.without_parameters("versionId") if a.valid else None)
add(
    "versioning is said and not done",
    "versions",
    lambda a: Answer(200, [], b"") if a.method == "PUT" and a.parameter("versioning") is not None else None,
)
add(
    "versioning is on from the beginning",
    "versions",
    None,
    lambda a, g: (
        rewrite(
            g,
            b"<VersioningConfiguration[^>]*/>|<VersioningConfiguration[^>]*></VersioningConfiguration>",
            b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>",
        ),
        setting(g, "x-amz-version-id", "1") if a.is_object("PUT") else None,
    ),
)
add("Suspended is Enabled", "versions", lambda a: with_body(a, b"Suspended", b"Enabled"))
add("no delete makes a marker", "versions", None, lambda a, g: setting(g, "x-amz-delete-marker", None))
add(
    "the version of a source is not looked at",
    "versions",
    lambda a: a.with_header("x-amz-copy-source", a.header("x-amz-copy-source").split("?")[0]) if a.header("x-amz-copy-source") and a.valid else None,
)
add("versions in DeleteObjects are not looked at", "versions", lambda a: with_body(a, rb"<VersionId>.*?</VersionId>", b""))
add("a versioned bucket is emptied as it is deleted", "versions buckets", lambda a: emptied(a))
add(
    "tags are said and not kept",
    "subresources versions copies",
    lambda a: Answer(200, [], b"") if a.method == "PUT" and a.parameter("tagging") is not None else None,
)
add("x-amz-tagging is not looked at", "subresources copies", lambda a: a.without_headers("x-amz-tagging"))
add("tags cannot be deleted", "subresources", lambda a: Answer(204, [], b"") if a.method == "DELETE" and a.parameter("tagging") is not None else None)
add(
    "an object that is overwritten keeps its tags",
    "subresources",
    lambda a: a.with_header("x-amz-tagging", "b=2") if a.is_object("PUT") and a.valid else None,
)
add(
    "tags touch the object",
    "subresources",
    None,
    lambda a, g: (time.sleep(1.1), a.aside("PUT", a.key, body=b"x")) if a.method == "PUT" and a.parameter("tagging") is not None and a.key else None,
)
add(
    "any tag is taken", "subresources", None, lambda a, g: (setattr(g, "status", 200)) if b"InvalidTag" in g.body or b"BadRequest" in g.body else None
)
add(
    "a private ACL is refused",
    "subresources",
    lambda a: refusal(400, "AccessControlListNotSupported") if a.header("x-amz-acl") == "private" else None,
)
add(
    "an ACL is taken and dropped",
    "subresources authentication",
    lambda a: a.without_headers("x-amz-acl") if a.header("x-amz-acl") == "public-read" else None,
)
add("everyone has every permission", "subresources", None, lambda a, g: rewrite(g, b"FULL_CONTROL", b"READ"))
