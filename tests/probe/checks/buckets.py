"""CreateBucket, HeadBucket, ListBuckets, DeleteBucket, GetBucketLocation; "Bucket naming rules"."""

import uuid

from registry import check
from s3 import fails, refused, texts


@check
def created(s3):
    """CreateBucket: 200 with Location, and it is there and empty."""
    name = f"probe-{uuid.uuid4()}"
    answer = s3.ask("PUT", bucket=name)
    s3._buckets.append(name)
    assert answer.status == 200, answer
    assert s3.boto.list_objects_v2(Bucket=name)["KeyCount"] == 0


@check
def location_header(s3):
    """CreateBucket: Location is the bucket's path."""
    name = f"probe-{uuid.uuid4()}"
    answer = s3.ask("PUT", bucket=name)
    s3._buckets.append(name)
    assert answer.header("location") == f"/{name}", answer.header("location")


@check
def created_twice(s3):
    """CreateBucket: one's own bucket again is 200 in us-east-1, 409 BucketAlreadyOwnedByYou elsewhere; what is in it stays."""
    key = s3.put()
    answer = s3.ask("PUT", bucket=s3.bucket)
    assert answer.status in (200, 409), answer.status
    assert s3.ask("GET", key).status == 200


@check
def listed(s3):
    """ListBuckets: every bucket with its time, and the owner."""
    said = s3.boto.list_buckets()
    found = {bucket["Name"]: bucket for bucket in said["Buckets"]}
    assert s3.bucket in found and found[s3.bucket]["CreationDate"]
    assert said["Owner"]["ID"]


@check
def listed_in_order(s3):
    """ListBuckets: in the order of their names."""
    s3.new_bucket()
    found = [bucket["Name"] for bucket in s3.boto.list_buckets()["Buckets"]]
    assert found == sorted(found)


@check
def head(s3):
    """HeadBucket: 200, without a body."""
    answer = s3.ask("HEAD")
    assert (answer.status, answer.body) == (200, b"")


@check
def head_names_the_region(s3):
    """HeadBucket: x-amz-bucket-region."""
    assert s3.ask("HEAD").header("x-amz-bucket-region") == s3.region


@check
def head_of_a_missing_one(s3):
    """HeadBucket: 404."""
    assert s3.ask("HEAD", bucket="no-such-bucket-of-the-probe").status == 404


@check
def deleted(s3):
    """DeleteBucket: 204, and it is gone."""
    name = f"probe-{uuid.uuid4()}"
    s3.boto.create_bucket(Bucket=name)
    assert s3.ask("DELETE", bucket=name).status == 204
    assert s3.ask("HEAD", bucket=name).status == 404
    assert name not in [bucket["Name"] for bucket in s3.boto.list_buckets()["Buckets"]]


@check
def deleted_while_it_has_objects(s3):
    """DeleteBucket: 409 BucketNotEmpty, and nothing is lost."""
    bucket = s3.new_bucket()
    s3.boto.put_object(Bucket=bucket, Key="a", Body=b"x")
    refused(s3.ask("DELETE", bucket=bucket), 409, "BucketNotEmpty")
    assert s3.boto.get_object(Bucket=bucket, Key="a")["Body"].read() == b"x"


@check
def deleted_after_its_objects(s3):
    """DeleteBucket: 204 once its objects are gone."""
    name = f"probe-{uuid.uuid4()}"
    s3.boto.create_bucket(Bucket=name)
    s3.boto.put_object(Bucket=name, Key="a", Body=b"x")
    s3.boto.delete_object(Bucket=name, Key="a")
    assert s3.ask("DELETE", bucket=name).status == 204


@check
def deleted_though_missing(s3):
    """DeleteBucket: 404 NoSuchBucket."""
    refused(s3.ask("DELETE", bucket="no-such-bucket-of-the-probe"), 404, "NoSuchBucket")


@check
def names_of_no_sense(s3):
    """CreateBucket: 3 to 63 letters, digits, hyphens and dots: 400 InvalidBucketName."""
    for name in ("ab", "a" * 64, "Upper-Case", "under_score", "-first", "last-", "two..dots", "192.168.5.4"):
        refused(s3.ask("PUT", bucket=name), 400, "InvalidBucketName")


@check
def with_dots(s3):
    """CreateBucket: a name may hold dots."""
    name = f"probe.{uuid.uuid4()}"
    s3._buckets.append(name)
    s3.boto.create_bucket(Bucket=name)
    s3.boto.put_object(Bucket=name, Key="a", Body=b"x")
    assert s3.boto.get_object(Bucket=name, Key="a")["Body"].read() == b"x"


@check
def location(s3):
    """GetBucketLocation: for us-east-1 nothing stands in LocationConstraint."""
    answer = s3.ask("GET", query=[("location", None)])
    assert answer.status == 200 and texts(answer, "LocationConstraint") == [""], answer.body


@check
def created_with_no_xml(s3):
    """CreateBucket: 400 MalformedXML."""
    refused(s3.ask("PUT", bucket=f"probe-{uuid.uuid4()}", body=b"<Create"), 400, "MalformedXML")


@check
def apart(s3):
    """PutObject: the same key in two buckets is two objects."""
    other, key = s3.new_bucket(), s3.put(b"one")
    s3.boto.put_object(Bucket=other, Key=key, Body=b"two")
    assert (s3.get(key), s3.boto.get_object(Bucket=other, Key=key)["Body"].read()) == (b"one", b"two")


@check
def slash_after_the_name(s3):
    """ListObjectsV2: `/bucket/` is `/bucket`."""
    answer = s3.ask("GET", path=s3.path() + "/", query=[("list-type", "2"), ("max-keys", "1")])
    assert answer.status == 200 and texts(answer, "Name") == [s3.bucket]


NEVER_SET = {
    "policy": ("get_bucket_policy", "NoSuchBucketPolicy"),
    "lifecycle": ("get_bucket_lifecycle_configuration", "NoSuchLifecycleConfiguration"),
    "website": ("get_bucket_website", "NoSuchWebsiteConfiguration"),
    "tagging": ("get_bucket_tagging", "NoSuchTagSet"),
    "object_lock": ("get_object_lock_configuration", "ObjectLockConfigurationNotFoundError"),
    "replication": ("get_bucket_replication", "ReplicationConfigurationNotFoundError"),
}  # fmt: skip


@check
def what_was_never_set(s3):
    """GetBucketPolicy and its like: 404 with a code of its own, or 501 NotImplemented: never an empty 200."""
    bucket = s3.new_bucket()
    for what, (call, expected) in NEVER_SET.items():
        try:
            getattr(s3.boto, call)(Bucket=bucket)
        except s3.boto.exceptions.ClientError as error:
            status, code = error.response["ResponseMetadata"]["HTTPStatusCode"], error.response["Error"]["Code"]
            assert (status, code) in ((404, expected), (501, "NotImplemented")), (what, status, code)
        else:
            raise AssertionError(f"{what}: 200")


@check
def another_region(s3):
    """CreateBucket: 400 where LocationConstraint names a region that is not this one's."""
    with fails(400):
        s3.boto.create_bucket(Bucket=f"probe-{uuid.uuid4()}", CreateBucketConfiguration={"LocationConstraint": "no-such-region-9"})
