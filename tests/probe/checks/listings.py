"""ListObjects, ListObjectsV2, ListObjectVersions."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone

from registry import check
from s3 import etag_of, refused, texts


def tree(s3, *names):
    """Objects of these names below a prefix of their own."""
    prefix = s3.key("")
    for name in names:
        s3.put(name.encode(), prefix + name)
    return prefix


def v2(s3, prefix, **options):
    return s3.boto.list_objects_v2(Bucket=s3.bucket, Prefix=prefix, **options)


def v1(s3, prefix, **options):
    return s3.boto.list_objects(Bucket=s3.bucket, Prefix=prefix, **options)


def names(page, prefix):
    return [item["Key"].removeprefix(prefix) for item in page.get("Contents", [])]


def groups(page, prefix):
    return [item["Prefix"].removeprefix(prefix) for item in page.get("CommonPrefixes", [])]


def pages(listing, prefix, name, token, **options):
    """Everything, page by page."""
    found, given = [], {}
    for _ in range(50):
        page = listing(prefix=prefix, **options, **given)
        found.append(page)
        if not page["IsTruncated"]:
            return found
        given = {name: page[token]}
    raise AssertionError("the pages have no end")


@check
def prefix(s3):
    """ListObjectsV2: keys that begin with the prefix."""
    below = tree(s3, "a1", "a2", "b1")
    assert names(v2(s3, below + "a"), below) == ["a1", "a2"]


@check
def prefix_of_none(s3):
    """ListObjectsV2: no key is no error."""
    page = v2(s3, s3.key())
    assert (page["KeyCount"], page["IsTruncated"], "Contents" in page) == (0, False, False)


@check
def order(s3):
    """ListObjectsV2: in the order of the keys' UTF-8 bytes."""
    keys = ["B", "a", "a!", "a/b", "a0", "b", "Z", "é", "ü", "文", "😀", "\uffef"]
    below = tree(s3, *keys)
    assert names(v2(s3, below), below) == sorted(keys, key=str.encode)


@check
def an_entry(s3):
    """ListObjectsV2: Key, Size, ETag, LastModified, StorageClass."""
    below = tree(s3, "a")
    (item,) = v2(s3, below)["Contents"]
    assert (item["Size"], item["ETag"], item["StorageClass"]) == (1, etag_of(b"a"), "STANDARD")
    assert abs((datetime.now(timezone.utc) - item["LastModified"]).total_seconds()) < 60


@check
def delimiter(s3):
    """ListObjectsV2: what is alike up to the delimiter is one CommonPrefix."""
    below = tree(s3, "a", "b/1", "b/2", "c/d/1", "e")
    page = v2(s3, below, Delimiter="/")
    assert (names(page, below), groups(page, below)) == (["a", "e"], ["b/", "c/"])
    assert page["KeyCount"] == 4


@check
def delimiter_below_a_group(s3):
    """ListObjectsV2: with a group's name as the prefix, what is in it."""
    below = tree(s3, "c/d/1", "c/e")
    page = v2(s3, below + "c/", Delimiter="/")
    assert (names(page, below), groups(page, below)) == (["c/e"], ["c/d/"])


@check
def delimiter_of_several_characters(s3):
    """ListObjectsV2: a delimiter may be any text."""
    below = tree(s3, "a--b", "a--c", "a-d")
    page = v2(s3, below, Delimiter="--")
    assert (names(page, below), groups(page, below)) == (["a-d"], ["a--"])


@check
def delimiter_and_a_folder(s3):
    """ListObjectsV2: a key that ends with the delimiter is in its own group, and in the listing of that group."""
    below = tree(s3, "a/", "a/b")
    assert groups(v2(s3, below, Delimiter="/"), below) == ["a/"]
    assert names(v2(s3, below + "a/", Delimiter="/"), below) == ["a/", "a/b"]


@check
def pages_v2(s3):
    """ListObjectsV2: each key once, page by page, at most MaxKeys in each."""
    every = [f"{number:02}" for number in range(11)]
    below = tree(s3, *every)
    found = pages(lambda **options: s3.boto.list_objects_v2(Bucket=s3.bucket, Prefix=options.pop("prefix"), **options),
                  below, "ContinuationToken", "NextContinuationToken", MaxKeys=3)  # fmt: skip
    assert [len(names(page, below)) for page in found] == [3, 3, 3, 2]
    assert [page["KeyCount"] for page in found] == [3, 3, 3, 2]
    assert [name for page in found for name in names(page, below)] == every


@check
def pages_with_a_delimiter(s3):
    """ListObjectsV2: a group counts as one, and comes once."""
    below = tree(s3, "a/1", "a/2", "a/3", "b", "c/1", "c/2", "d")
    found = pages(lambda **options: s3.boto.list_objects_v2(Bucket=s3.bucket, Prefix=options.pop("prefix"), **options),
                  below, "ContinuationToken", "NextContinuationToken", MaxKeys=1, Delimiter="/")  # fmt: skip
    assert [names(page, below) + groups(page, below) for page in found] == [["a/"], ["b"], ["c/"], ["d"]]


@check
def last_page_is_the_last(s3):
    """ListObjectsV2: as many keys as MaxKeys are not truncated."""
    below = tree(s3, "a", "b")
    page = v2(s3, below, MaxKeys=2)
    assert (page["IsTruncated"], "NextContinuationToken" in page) == (False, False)


@check
def start_after(s3):
    """ListObjectsV2: keys after StartAfter, which need not be there."""
    below = tree(s3, "a", "b", "c")
    assert names(v2(s3, below, StartAfter=below + "a"), below) == ["b", "c"]
    assert names(v2(s3, below, StartAfter=below + "aa"), below) == ["b", "c"]


@check
def max_keys_of_nothing(s3):
    """ListObjectsV2: MaxKeys of 0 is an empty page."""
    below = tree(s3, "a")
    page = v2(s3, below, MaxKeys=0)
    assert (page["KeyCount"], names(page, below), page["IsTruncated"]) == (0, [], False)


@check
def max_keys_of_no_sense(s3):
    """ListObjectsV2: 400 InvalidArgument."""
    for value in ("-1", "x"):
        refused(s3.ask("GET", query=[("list-type", "2"), ("max-keys", value)]), 400, "InvalidArgument")


@check
def max_keys_beyond_1000(s3):
    """ListObjectsV2: a page has at most 1,000 keys: MaxKeys says so."""
    answer = s3.ask("GET", query=[("list-type", "2"), ("max-keys", "5000"), ("prefix", s3.key())])
    assert answer.status == 200 and texts(answer, "MaxKeys") == ["1000"], texts(answer, "MaxKeys")


@check
def token_of_no_sense(s3):
    """ListObjectsV2: 400 InvalidArgument."""
    refused(s3.ask("GET", query=[("list-type", "2"), ("continuation-token", "nonsense!")]), 400, "InvalidArgument")


@check
def encoding(s3):
    """ListObjectsV2: with encoding-type=url keys, prefixes and delimiter are escaped."""
    below = tree(s3, "a b+ü&", "c d/e")
    answer = s3.ask("GET", query=[("list-type", "2"), ("prefix", below), ("encoding-type", "url"), ("delimiter", "/")])
    assert texts(answer, "EncodingType") == ["url"]
    (key,) = texts(answer, "Key")
    assert key.endswith(("a%20b%2B%C3%BC%26", "a+b%2B%C3%BC%26")), key
    assert "c d/" not in "".join(texts(answer, "Prefix"))


@check
def owner_where_asked(s3):
    """ListObjectsV2: Owner with fetch-owner alone."""
    below = tree(s3, "a")
    assert "Owner" not in v2(s3, below)["Contents"][0]
    assert v2(s3, below, FetchOwner=True)["Contents"][0]["Owner"]["ID"]


@check
def what_was_asked_is_said(s3):
    """ListObjectsV2: Name, Prefix, Delimiter, StartAfter and MaxKeys of the request."""
    page = v2(s3, "no/such/", Delimiter="/", StartAfter="no/such/a", MaxKeys=7)
    said = [page[name] for name in ("Name", "Prefix", "Delimiter", "StartAfter", "MaxKeys")]
    assert said == [s3.bucket, "no/such/", "/", "no/such/a", 7], said


@check
def missing_bucket(s3):
    """ListObjectsV2: 404 NoSuchBucket."""
    refused(s3.ask("GET", bucket="no-such-bucket-of-the-probe", query=[("list-type", "2")]), 404, "NoSuchBucket")


@check
def version_1(s3):
    """ListObjects: keys with their owner."""
    below = tree(s3, "a", "b")
    page = v1(s3, below)
    assert names(page, below) == ["a", "b"] and page["IsTruncated"] is False
    assert page["Contents"][0]["Owner"]["ID"]


@check
def version_1_marker(s3):
    """ListObjects: keys after the marker."""
    below = tree(s3, "a", "b", "c")
    page = v1(s3, below, Marker=below + "a")
    assert (names(page, below), page["Marker"]) == (["b", "c"], below + "a")


@check
def version_1_next_marker(s3):
    """ListObjects: NextMarker is said with a delimiter, and goes on after a group."""
    below = tree(s3, "a/1", "a/2", "b")
    page = v1(s3, below, Delimiter="/", MaxKeys=1)
    assert (groups(page, below), page["IsTruncated"]) == (["a/"], True)
    assert page["NextMarker"] == below + "a/"
    assert names(v1(s3, below, Delimiter="/", Marker=page["NextMarker"]), below) == ["b"]


@check
def versions_of_an_unversioned_bucket(s3):
    """ListObjectVersions: the version of an object in an unversioned bucket is `null`, and the latest."""
    below = tree(s3, "a", "b")
    page = s3.boto.list_object_versions(Bucket=s3.bucket, Prefix=below)
    assert [(item["Key"], item["VersionId"], item["IsLatest"]) for item in page["Versions"]] == [(below + n, "null", True) for n in "ab"]


@check
def tokens_do_not_show_what_they_are(s3):
    """ListObjectsV2: a continuation token is opaque, and good for the same listing."""
    below = tree(s3, "a", "b", "c")
    first = v2(s3, below, MaxKeys=1)
    again = v2(s3, below, MaxKeys=1, ContinuationToken=first["NextContinuationToken"])
    assert names(again, below) == ["b"] and again["ContinuationToken"] == first["NextContinuationToken"]


@check
def characters_that_xml_has_not(s3):
    """ListObjectsV2: keys with control characters can be listed with encoding-type=url."""
    below = tree(s3, "a\x01b")
    answer = s3.ask("GET", query=[("list-type", "2"), ("prefix", below), ("encoding-type", "url")])
    assert texts(answer, "Key")[0].endswith("a%01b")


@check
def thousand_and_one(s3):
    """ListObjectsV2: a page holds 1,000 keys unless fewer are asked for."""
    bucket = s3.new_bucket()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: s3.boto.put_object(Bucket=bucket, Key=f"{n:04}", Body=b""), range(1001)))
    first = s3.boto.list_objects_v2(Bucket=bucket)
    assert (first["KeyCount"], first["IsTruncated"]) == (1000, True)
    rest = s3.boto.list_objects_v2(Bucket=bucket, ContinuationToken=first["NextContinuationToken"])
    assert [item["Key"] for item in rest["Contents"]] == ["1000"]
