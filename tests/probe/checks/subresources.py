"""Tags, access control lists. PutObjectTagging and its like, PutBucketTagging, GetObjectAcl, GetBucketAcl."""

from registry import check
from s3 import etag_of, fails, refused


def tags(*pairs):
    return {"TagSet": [{"Key": name, "Value": value} for name, value in pairs]}


def tags_of(s3, key):
    return s3.boto.get_object_tagging(Bucket=s3.bucket, Key=key)["TagSet"]


@check
def object_tags(s3):
    """PutObjectTagging, GetObjectTagging: what was put comes back."""
    key = s3.put()
    s3.boto.put_object_tagging(Bucket=s3.bucket, Key=key, Tagging=tags(("a", "1"), ("b c", "ü")))
    assert sorted(tags_of(s3, key), key=str) == sorted(tags(("a", "1"), ("b c", "ü"))["TagSet"], key=str)


@check
def object_tags_leave_the_object(s3):
    """PutObjectTagging: bytes, ETag and Last-Modified stay."""
    key = s3.put(b"x")
    before = s3.head(key)["LastModified"]
    s3.boto.put_object_tagging(Bucket=s3.bucket, Key=key, Tagging=tags(("a", "1")))
    assert (s3.get(key), s3.head(key)["ETag"], s3.head(key)["LastModified"]) == (b"x", etag_of(b"x"), before)


@check
def no_object_tags(s3):
    """GetObjectTagging: an empty set where there are none."""
    assert tags_of(s3, s3.put()) == []


@check
def object_tags_by_header(s3):
    """PutObject: x-amz-tagging, as a query is written."""
    key = s3.put(Tagging="a=1&b%20c=d%26e")
    assert sorted(tags_of(s3, key), key=str) == sorted(tags(("a", "1"), ("b c", "d&e"))["TagSet"], key=str)


@check
def object_tags_counted(s3):
    """GetObject: x-amz-tagging-count."""
    assert s3.ask("GET", s3.put(Tagging="a=1&b=2")).header("x-amz-tagging-count") == "2"
    assert s3.ask("GET", s3.put()).header("x-amz-tagging-count") is None


@check
def object_tags_deleted(s3):
    """DeleteObjectTagging: 204, and there are none."""
    key = s3.put(Tagging="a=1")
    assert s3.boto.delete_object_tagging(Bucket=s3.bucket, Key=key)["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert tags_of(s3, key) == []


@check
def object_tags_replaced(s3):
    """PutObjectTagging: the whole set is replaced; PutObject: a new object has no tags of the one before."""
    key = s3.put(Tagging="a=1")
    s3.boto.put_object_tagging(Bucket=s3.bucket, Key=key, Tagging=tags(("b", "2")))
    assert tags_of(s3, key) == tags(("b", "2"))["TagSet"]
    s3.put(b"new", key)
    assert tags_of(s3, key) == []


@check
def too_many_object_tags(s3):
    """PutObjectTagging: at most 10: 400."""
    key = s3.put()
    with fails(400):
        s3.boto.put_object_tagging(Bucket=s3.bucket, Key=key, Tagging=tags(*((str(n), "x") for n in range(11))))
    assert tags_of(s3, key) == []


@check
def object_tag_twice(s3):
    """PutObjectTagging: a key once: 400 InvalidTag."""
    with fails(400, "InvalidTag"):
        s3.boto.put_object_tagging(Bucket=s3.bucket, Key=s3.put(), Tagging=tags(("a", "1"), ("a", "2")))


@check
def object_tag_too_long(s3):
    """PutObjectTagging: keys of at most 128, values of at most 256 characters: 400 InvalidTag."""
    for pair in (("k" * 129, "x"), ("k", "v" * 257)):
        with fails(400, "InvalidTag"):
            s3.boto.put_object_tagging(Bucket=s3.bucket, Key=s3.put(), Tagging=tags(pair))


@check
def tags_of_a_missing_object(s3):
    """GetObjectTagging: 404 NoSuchKey."""
    with fails(404, "NoSuchKey"):
        tags_of(s3, s3.key())


@check
def bucket_tags(s3):
    """PutBucketTagging, GetBucketTagging, DeleteBucketTagging."""
    bucket = s3.new_bucket()
    s3.boto.put_bucket_tagging(Bucket=bucket, Tagging=tags(("a", "1")))
    assert s3.boto.get_bucket_tagging(Bucket=bucket)["TagSet"] == tags(("a", "1"))["TagSet"]
    s3.boto.delete_bucket_tagging(Bucket=bucket)
    with fails(404, "NoSuchTagSet"):
        s3.boto.get_bucket_tagging(Bucket=bucket)


@check
def object_acl(s3):
    """GetObjectAcl: its owner has FULL_CONTROL, nobody else anything."""
    said = s3.boto.get_object_acl(Bucket=s3.bucket, Key=s3.put())
    assert [(grant["Grantee"]["ID"], grant["Permission"]) for grant in said["Grants"]] == [(said["Owner"]["ID"], "FULL_CONTROL")]


@check
def bucket_acl(s3):
    """GetBucketAcl: its owner has FULL_CONTROL, nobody else anything."""
    said = s3.boto.get_bucket_acl(Bucket=s3.bucket)
    assert [(grant["Grantee"]["ID"], grant["Permission"]) for grant in said["Grants"]] == [(said["Owner"]["ID"], "FULL_CONTROL")]


@check
def private_acl(s3):
    """PutObject: x-amz-acl: private is the state of things."""
    key = s3.key()
    answer = s3.ask("PUT", key, headers={"x-amz-acl": "private"}, body=b"x")
    assert answer.status == 200, answer.status
    refused(s3.bare(s3.path(key)), 403)


@check
def public_acl(s3):
    """PutObject: x-amz-acl: public-read is refused, or anyone may read: never taken and dropped."""
    key = s3.key()
    answer = s3.ask("PUT", key, headers={"x-amz-acl": "public-read"}, body=b"x")
    if answer.status == 200:
        assert s3.bare(s3.path(key)).status == 200
    else:
        assert answer.status in (400, 403, 501)
        assert s3.ask("GET", key).status == 404
