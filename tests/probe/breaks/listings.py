"""What may be wrong. Listings of every kind."""

import re

from breaks.making import add, rewrite

for name in ("prefix", "delimiter", "max-keys", "continuation-token", "start-after", "marker", "encoding-type", "fetch-owner", "key-marker", "versions",
             "max-uploads", "upload-id-marker", "version-id-marker", "max-parts", "part-number-marker", "list-type"):  # fmt: skip

    def without(asked, name=name):
        if asked.method == "GET" and asked.valid:
            asked.without_parameters(name)

    add(f"{name} is not looked at", "listings multipart versions keys", without)


for name in ("KeyCount", "IsTruncated", "ETag", "Size", "StorageClass", "LastModified", "CommonPrefixes", "NextMarker", "NextContinuationToken", "Name",
             "Prefix", "Delimiter", "StartAfter", "MaxKeys", "EncodingType", "Owner", "Marker", "ContinuationToken", "Contents", "VersionId", "IsLatest",
             "DeleteMarker", "Location", "Bucket", "Key", "UploadId", "PartNumber", "CreationDate", "Buckets", "Status", "TagSet", "Grant", "Deleted",
             "Upload", "Part", "Version", "Checksum", "LocationConstraint", "CORSRule", "NextKeyMarker", "NextVersionIdMarker",
             "NextUploadIdMarker", "NextPartNumberMarker", "CopyObjectResult", "CopyPartResult"):  # fmt: skip

    def without_element(asked, given, name=name):
        if given.status == 200:
            rewrite(given, rf"<{name}(>| [^>]*>).*?</{name}>|<{name}/>".encode(), b"")

    add(
        f"no {name} element",
        "listings multipart versions buckets subresources copies cors deletion forms objects checksums keys writes",
        None,
        without_element,
    )


add("listings are in reverse", "listings keys buckets multipart versions", None, lambda a, g: backwards(g))
add("the last key of a listing is lost", "listings keys", None, lambda a, g: rewrite(g, b"(.*)<Contents>.*?</Contents>", b"\\1"))
add(
    "pages overlap",
    "listings",
    lambda a: (
        a.without_parameters("continuation-token", "marker")
        if len(a.proxy.memory.setdefault("pages", [])) % 2 and not a.proxy.memory["pages"].append(1)
        else a.proxy.memory["pages"].append(1)
    ),
)
add(
    "a page is never the last",
    "listings",
    None,
    lambda a, g: rewrite(g, b"<IsTruncated>false</IsTruncated>", b"<IsTruncated>true</IsTruncated><NextContinuationToken>x</NextContinuationToken>"),
)
add(
    "every page is the last",
    "listings multipart versions",
    None,
    lambda a, g: rewrite(g, b"<IsTruncated>true</IsTruncated>", b"<IsTruncated>false</IsTruncated>"),
)
add("pages are as large as is asked", "listings", None, lambda a, g: rewrite(g, b"<MaxKeys>1000</MaxKeys>", b"<MaxKeys>5000</MaxKeys>"))
add("max-keys of no sense is 1,000", "listings", lambda a: a.without_parameters("max-keys") if a.parameter("max-keys") in ("-1", "x") else None)
add(
    "tokens of no sense are the beginning",
    "listings",
    lambda a: a.without_parameters("continuation-token") if a.parameter("continuation-token") == "nonsense!" else None,
)
add(
    "the owner is always told",
    "listings",
    lambda a: (
        setattr(a, "query", [*a.query, ("fetch-owner", "true")]) or setattr(a, "changed", True)
        if a.parameter("list-type") and not a.parameter("fetch-owner")
        else None
    ),
)
add("listings are late", "listings writes objects keys", None, lambda a, g: late_listing(a, g))


def backwards(given):
    for name in (b"Contents", b"Bucket", b"Upload", b"Version", b"Part"):
        found = re.findall(rb"<%s>.*?</%s>" % (name, name), given.body, re.DOTALL)
        if len(found) > 1:
            left = iter(reversed(found))
            given.body = re.sub(rb"<%s>.*?</%s>" % (name, name), lambda _: next(left), given.body, flags=re.DOTALL)


def late_listing(asked, given):
    if asked.parameter("list-type") and given.status == 200:
        memory = asked.proxy.memory
        given.body, memory["listing"] = memory.get("listing", given.body), given.body
        given.headers = [(n, v) for n, v in given.headers if n != "content-length"]
