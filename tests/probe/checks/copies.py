"""CopyObject."""

from urllib.parse import quote

from registry import check
from s3 import etag_of, fails, refused, texts

LONG_AGO = "Sat, 01 Jan 2000 00:00:00 GMT"


def copy(s3, source, key=None, **headers):
    """CopyObject by hand. Gives the new key and the answer."""
    key = key or s3.key()
    named = source if source.startswith("/") else f"/{s3.bucket}/{quote(source)}"
    return key, s3.ask("PUT", key, headers={"x-amz-copy-source": named, **{name.replace("_", "-"): value for name, value in headers.items()}})


@check
def plain(s3):
    """CopyObject: the bytes, type and metadata of the source."""
    source = s3.put(b"bytes", ContentType="image/png", CacheControl="no-cache", Metadata={"a": "b"})
    key, answer = copy(s3, source)
    assert answer.status == 200, answer
    head = s3.head(key)
    assert (s3.get(key), head["ContentType"], head["CacheControl"], head["Metadata"]) == (b"bytes", "image/png", "no-cache", {"a": "b"})


@check
def answer(s3):
    """CopyObject: ETag and LastModified of the copy."""
    _, given = copy(s3, s3.put(b"bytes"))
    assert [etag.strip('"') for etag in texts(given, "ETag")] == [etag_of(b"bytes").strip('"')] and texts(given, "LastModified")[0]


@check
def etag_in_quotes(s3):
    """CopyObject: the ETag of the result is in quotes, as everywhere."""
    _, given = copy(s3, s3.put(b"bytes"))
    assert texts(given, "ETag") == [etag_of(b"bytes")]


@check
def the_source_stays(s3):
    """CopyObject: the source is as before, and the copy stands by itself."""
    source = s3.put(b"bytes")
    key, _ = copy(s3, source)
    s3.ask("DELETE", source)
    assert s3.get(key) == b"bytes"


@check
def other_metadata(s3):
    """CopyObject: with REPLACE type and metadata are the request's."""
    source = s3.put(ContentType="image/png", Metadata={"a": "b"}, CacheControl="no-cache")
    key, _ = copy(s3, source, x_amz_metadata_directive="REPLACE", Content_Type="text/plain", x_amz_meta_c="d")
    head = s3.head(key)
    assert (head["ContentType"], head["Metadata"], head.get("CacheControl")) == ("text/plain", {"c": "d"}, None)


@check
def metadata_without_replace(s3):
    """CopyObject: without REPLACE the request's metadata is not looked at."""
    key, _ = copy(s3, s3.put(Metadata={"a": "b"}), x_amz_meta_c="d")
    assert s3.head(key)["Metadata"] == {"a": "b"}


@check
def directive_of_no_sense(s3):
    """CopyObject: 400 InvalidArgument."""
    refused(copy(s3, s3.put(), x_amz_metadata_directive="NONSENSE")[1], 400, "InvalidArgument")


@check
def onto_itself(s3):
    """CopyObject: onto itself without any change is 400 InvalidRequest."""
    source = s3.put()
    refused(copy(s3, source, source)[1], 400, "InvalidRequest")


@check
def onto_itself_with_other_metadata(s3):
    """CopyObject: onto itself with REPLACE changes the metadata."""
    source = s3.put(b"bytes", Metadata={"a": "b"})
    _, given = copy(s3, source, source, x_amz_metadata_directive="REPLACE", x_amz_meta_c="d")
    assert given.status == 200
    assert (s3.get(source), s3.head(source)["Metadata"]) == (b"bytes", {"c": "d"})


@check
def without_the_leading_slash(s3):
    """CopyObject: the source may be written without its first slash."""
    key, given = s3.key(), None
    given = s3.ask("PUT", key, headers={"x-amz-copy-source": f"{s3.bucket}/{quote(s3.put(b'bytes'))}"})
    assert (given.status, s3.get(key)) == (200, b"bytes")


@check
def odd_keys(s3):
    """CopyObject: the source is escaped; any key may be copied to any key."""
    for name in ("a b", "a+b", "ü/文", "a%2Fb", "a//b", "a/../b", "/a", "a?b"):
        source = s3.put(name.encode(), s3.key(name))
        key, given = copy(s3, source, s3.key(name))
        assert given.status == 200, name
        assert s3.get(key) == name.encode(), name


@check
def between_buckets(s3):
    """CopyObject: from one bucket to another."""
    other = s3.new_bucket()
    s3.boto.copy_object(Bucket=other, Key="a", CopySource={"Bucket": s3.bucket, "Key": s3.put(b"bytes")})
    assert s3.boto.get_object(Bucket=other, Key="a")["Body"].read() == b"bytes"


@check
def missing_source(s3):
    """CopyObject: 404 NoSuchKey, and nothing is there."""
    key, given = copy(s3, s3.key())
    refused(given, 404, "NoSuchKey")
    assert s3.ask("GET", key).status == 404


@check
def missing_source_bucket(s3):
    """CopyObject: 404 NoSuchBucket."""
    refused(copy(s3, "/no-such-bucket-of-the-probe/a")[1], 404, "NoSuchBucket")


@check
def source_of_no_sense(s3):
    """CopyObject: 400 where the source names no bucket and key."""
    for source in ("/", "/nothing-but-a-bucket", "//", "/%zz/a"):
        assert 400 <= copy(s3, source)[1].status < 500, source


@check
def if_match(s3):
    """CopyObject: x-amz-copy-source-if-match: 412 PreconditionFailed where it is another."""
    source = s3.put(b"bytes")
    assert copy(s3, source, x_amz_copy_source_if_match=etag_of(b"bytes"))[1].status == 200
    refused(copy(s3, source, x_amz_copy_source_if_match='"another"')[1], 412, "PreconditionFailed")


@check
def if_none_match(s3):
    """CopyObject: x-amz-copy-source-if-none-match: 412 PreconditionFailed where it is this."""
    source = s3.put(b"bytes")
    assert copy(s3, source, x_amz_copy_source_if_none_match='"another"')[1].status == 200
    refused(copy(s3, source, x_amz_copy_source_if_none_match=etag_of(b"bytes"))[1], 412, "PreconditionFailed")


@check
def if_modified_since(s3):
    """CopyObject: x-amz-copy-source-if-modified-since: 412 PreconditionFailed where it was not."""
    source = s3.put()
    modified = s3.ask("HEAD", source).header("last-modified")
    assert copy(s3, source, x_amz_copy_source_if_modified_since=LONG_AGO)[1].status == 200
    refused(copy(s3, source, x_amz_copy_source_if_modified_since=modified)[1], 412, "PreconditionFailed")


@check
def if_unmodified_since(s3):
    """CopyObject: x-amz-copy-source-if-unmodified-since: 412 PreconditionFailed where it was."""
    refused(copy(s3, s3.put(), x_amz_copy_source_if_unmodified_since=LONG_AGO)[1], 412, "PreconditionFailed")


@check
def onto_an_object(s3):
    """CopyObject: what was there before is gone."""
    key = s3.put(b"before", Metadata={"a": "b"})
    copy(s3, s3.put(b"after"), key)
    assert (s3.get(key), s3.head(key)["Metadata"]) == (b"after", {})


@check
def if_none_match_of_the_copy(s3):
    """CopyObject: If-None-Match: * is 412 PreconditionFailed where the copy's key is there."""
    key = s3.put(b"before")
    refused(copy(s3, s3.put(), key, If_None_Match="*")[1], 412, "PreconditionFailed")
    assert s3.get(key) == b"before"


@check
def of_parts(s3):
    """CopyObject: of an object that came in parts, the ETag is the MD5 of the whole."""
    from checks.multipart import FIRST, SECOND, two_parts

    upload = two_parts(s3)
    upload.complete()
    key, given = copy(s3, upload.key)
    assert given.status == 200
    assert s3.get(key) == FIRST + SECOND
    assert s3.head(key)["ETag"] == etag_of(FIRST + SECOND)


@check
def tags(s3):
    """CopyObject: tags are copied, or with REPLACE are the request's."""
    source = s3.put(Tagging="a=b")
    key, _ = copy(s3, source)
    assert s3.boto.get_object_tagging(Bucket=s3.bucket, Key=key)["TagSet"] == [{"Key": "a", "Value": "b"}]
    key, _ = copy(s3, source, x_amz_tagging_directive="REPLACE", x_amz_tagging="c=d")
    assert s3.boto.get_object_tagging(Bucket=s3.bucket, Key=key)["TagSet"] == [{"Key": "c", "Value": "d"}]


@check
def missing_bucket(s3):
    """CopyObject: 404 NoSuchBucket where the copy's bucket is not there."""
    with fails(404, "NoSuchBucket"):
        s3.boto.copy_object(Bucket="no-such-bucket-of-the-probe", Key="a", CopySource={"Bucket": s3.bucket, "Key": s3.put()})
