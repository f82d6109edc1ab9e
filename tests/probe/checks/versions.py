"""Versions. PutBucketVersioning, ListObjectVersions; "Retaining multiple versions of objects with S3 Versioning"."""

from registry import check
from s3 import etag_of, fails


def versioned(s3, status="Enabled"):
    bucket = s3.new_bucket()
    s3.boto.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": status})
    return bucket


def put(s3, bucket, body, key="a", **options):
    return s3.boto.put_object(Bucket=bucket, Key=key, Body=body, **options)["VersionId"]


def get(s3, bucket, key="a", **options):
    return s3.boto.get_object(Bucket=bucket, Key=key, **options)["Body"].read()


@check
def never_set(s3):
    """GetBucketVersioning: no Status in a bucket that never had one."""
    assert "Status" not in s3.boto.get_bucket_versioning(Bucket=s3.bucket)


@check
def unversioned_has_no_id(s3):
    """PutObject: no x-amz-version-id in an unversioned bucket."""
    assert s3.ask("PUT", s3.key(), body=b"x").header("x-amz-version-id") is None


@check
def null_of_an_unversioned_bucket(s3):
    """GetObject: versionId=null is the object of an unversioned bucket."""
    assert s3.get(s3.put(b"x"), VersionId="null") == b"x"


@check
def set_and_told(s3):
    """PutBucketVersioning, GetBucketVersioning: Enabled, then Suspended."""
    bucket = versioned(s3)
    assert s3.boto.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    s3.boto.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    assert s3.boto.get_bucket_versioning(Bucket=bucket)["Status"] == "Suspended"


@check
def of_no_sense(s3):
    """PutBucketVersioning: 400 MalformedXML or IllegalVersioningConfigurationException."""
    with fails(400):
        s3.boto.put_bucket_versioning(Bucket=s3.new_bucket(), VersioningConfiguration={"Status": "Perhaps"})


@check
def each_is_kept(s3):
    """GetObject: the latest without a version, each by its own."""
    bucket = versioned(s3)
    ids = [put(s3, bucket, body) for body in (b"one", b"two")]
    assert ids[0] != ids[1]
    assert get(s3, bucket) == b"two"
    assert [get(s3, bucket, VersionId=version) for version in ids] == [b"one", b"two"]


@check
def told_with_the_answer(s3):
    """GetObject, HeadObject: x-amz-version-id."""
    bucket = versioned(s3)
    version = put(s3, bucket, b"x")
    assert s3.boto.get_object(Bucket=bucket, Key="a")["VersionId"] == version
    assert s3.boto.head_object(Bucket=bucket, Key="a")["VersionId"] == version


@check
def listed(s3):
    """ListObjectVersions: the newest first, and which is the latest."""
    bucket = versioned(s3)
    first, second = put(s3, bucket, b"one"), put(s3, bucket, b"two!")
    found = s3.boto.list_object_versions(Bucket=bucket)["Versions"]
    said = [(item["VersionId"], item["IsLatest"], item["Size"], item["ETag"]) for item in found]
    assert said == [(second, True, 4, etag_of(b"two!")), (first, False, 3, etag_of(b"one"))]


@check
def listed_by_pages(s3):
    """ListObjectVersions: KeyMarker and VersionIdMarker go on where a page ends."""
    bucket = versioned(s3)
    ids = {(key, put(s3, bucket, body, key)) for key in "ab" for body in (b"1", b"2")}
    found, given = [], {}
    for _ in range(6):
        page = s3.boto.list_object_versions(Bucket=bucket, MaxKeys=1, **given)
        found += [(item["Key"], item["VersionId"]) for item in page.get("Versions", [])]
        if not page["IsTruncated"]:
            break
        given = {"KeyMarker": page["NextKeyMarker"], "VersionIdMarker": page["NextVersionIdMarker"]}
    assert len(found) == 4 and set(found) == ids and [key for key, _ in found] == ["a", "a", "b", "b"]


@check
def listed_by_delimiter(s3):
    """ListObjectVersions: Prefix and Delimiter."""
    bucket = versioned(s3)
    for key in ("a/1", "a/2", "b"):
        put(s3, bucket, b"x", key)
    page = s3.boto.list_object_versions(Bucket=bucket, Delimiter="/")
    assert ([item["Key"] for item in page["Versions"]], [item["Prefix"] for item in page["CommonPrefixes"]]) == (["b"], ["a/"])
    assert [item["Key"] for item in s3.boto.list_object_versions(Bucket=bucket, Prefix="a/")["Versions"]] == ["a/1", "a/2"]


@check
def deleted(s3):
    """DeleteObject: without a version a delete marker is put; the versions stay."""
    bucket = versioned(s3)
    version = put(s3, bucket, b"x")
    answer = s3.boto.delete_object(Bucket=bucket, Key="a")
    assert answer["DeleteMarker"] is True and answer["VersionId"] != version
    with fails(404, "NoSuchKey"):
        get(s3, bucket)
    assert get(s3, bucket, VersionId=version) == b"x"
    assert s3.boto.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


@check
def a_marker_is_told(s3):
    """GetObject: 404 with x-amz-delete-marker: true."""
    bucket = versioned(s3)
    put(s3, bucket, b"x")
    s3.boto.delete_object(Bucket=bucket, Key="a")
    answer = s3.ask("GET", "a", bucket=bucket)
    assert (answer.status, answer.header("x-amz-delete-marker")) == (404, "true")


@check
def markers_listed(s3):
    """ListObjectVersions: DeleteMarkers beside Versions."""
    bucket = versioned(s3)
    put(s3, bucket, b"x")
    marker = s3.boto.delete_object(Bucket=bucket, Key="a")["VersionId"]
    page = s3.boto.list_object_versions(Bucket=bucket)
    assert [(item["VersionId"], item["IsLatest"]) for item in page["DeleteMarkers"]] == [(marker, True)]
    assert [item["IsLatest"] for item in page["Versions"]] == [False]


@check
def a_marker_deleted(s3):
    """DeleteObject: of a marker's version brings the object back."""
    bucket = versioned(s3)
    put(s3, bucket, b"x")
    marker = s3.boto.delete_object(Bucket=bucket, Key="a")["VersionId"]
    s3.boto.delete_object(Bucket=bucket, Key="a", VersionId=marker)
    assert get(s3, bucket) == b"x"


@check
def a_marker_has_no_bytes(s3):
    """GetObject: of a marker's version is 405 MethodNotAllowed."""
    bucket = versioned(s3)
    put(s3, bucket, b"x")
    marker = s3.boto.delete_object(Bucket=bucket, Key="a")["VersionId"]
    with fails(405, "MethodNotAllowed"):
        get(s3, bucket, VersionId=marker)


@check
def a_version_deleted(s3):
    """DeleteObject: of a version is for good; the one before becomes the latest."""
    bucket = versioned(s3)
    first, second = put(s3, bucket, b"one"), put(s3, bucket, b"two")
    s3.boto.delete_object(Bucket=bucket, Key="a", VersionId=second)
    assert get(s3, bucket) == b"one"
    with fails(404, "NoSuchVersion"):
        get(s3, bucket, VersionId=second)
    assert [item["VersionId"] for item in s3.boto.list_object_versions(Bucket=bucket)["Versions"]] == [first]


@check
def unknown(s3):
    """GetObject: 404 NoSuchVersion, or 400 where it is no version's form."""
    bucket = versioned(s3)
    put(s3, bucket, b"x")
    answer = s3.ask("GET", "a", bucket=bucket, query=[("versionId", "nothing-of-the-kind")])
    assert answer.status in (400, 404), answer.status


@check
def null_before_versions(s3):
    """PutBucketVersioning: what was there before is the version `null`, and stays."""
    bucket = s3.new_bucket()
    s3.boto.put_object(Bucket=bucket, Key="a", Body=b"before")
    s3.boto.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    put(s3, bucket, b"after")
    assert (get(s3, bucket), get(s3, bucket, VersionId="null")) == (b"after", b"before")


@check
def suspended(s3):
    """PutObject: in a suspended bucket the version `null` is overwritten, and the others stay."""
    bucket = versioned(s3)
    kept = put(s3, bucket, b"kept")
    s3.boto.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    for body in (b"one", b"two"):
        s3.boto.put_object(Bucket=bucket, Key="a", Body=body)
    assert (get(s3, bucket), get(s3, bucket, VersionId="null"), get(s3, bucket, VersionId=kept)) == (b"two", b"two", b"kept")
    assert len(s3.boto.list_object_versions(Bucket=bucket)["Versions"]) == 2


@check
def copied(s3):
    """CopyObject: of a version that is not the latest."""
    bucket = versioned(s3)
    first = put(s3, bucket, b"one")
    put(s3, bucket, b"two")
    s3.boto.copy_object(Bucket=bucket, Key="b", CopySource={"Bucket": bucket, "Key": "a", "VersionId": first})
    assert get(s3, bucket, "b") == b"one"


@check
def several_deleted(s3):
    """DeleteObjects: versions by their ids, markers where no id is given."""
    bucket = versioned(s3)
    first, _ = put(s3, bucket, b"1"), put(s3, bucket, b"2", "b")
    objects = [{"Key": "a", "VersionId": first}, {"Key": "b"}]
    said = s3.boto.delete_objects(Bucket=bucket, Delete={"Objects": objects})["Deleted"]
    assert sorted((item["Key"], item.get("DeleteMarker", False)) for item in said) == [("a", False), ("b", True)]
    page = s3.boto.list_object_versions(Bucket=bucket)
    assert ([item["Key"] for item in page["Versions"]], [item["Key"] for item in page["DeleteMarkers"]]) == (["b"], ["b"])


@check
def multipart(s3):
    """CompleteMultipartUpload: a new version, named in the answer."""
    bucket = versioned(s3)
    put(s3, bucket, b"one")
    where = {"Bucket": bucket, "Key": "a"}
    upload = {**where, "UploadId": s3.boto.create_multipart_upload(**where)["UploadId"]}
    etag = s3.boto.upload_part(**upload, PartNumber=1, Body=b"two")["ETag"]
    version = s3.boto.complete_multipart_upload(**upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]})["VersionId"]
    assert get(s3, bucket, VersionId=version) == get(s3, bucket) == b"two"
    assert len(s3.boto.list_object_versions(Bucket=bucket)["Versions"]) == 2


@check
def bucket_with_versions_is_not_empty(s3):
    """DeleteBucket: 409 BucketNotEmpty while a version is there."""
    bucket = versioned(s3)
    put(s3, bucket, b"x")
    s3.boto.delete_object(Bucket=bucket, Key="a")
    with fails(409, "BucketNotEmpty"):
        s3.boto.delete_bucket(Bucket=bucket)


@check
def tags_of_a_version(s3):
    """PutObjectTagging: each version has its own."""
    bucket = versioned(s3)
    first, second = put(s3, bucket, b"1"), put(s3, bucket, b"2")
    s3.boto.put_object_tagging(Bucket=bucket, Key="a", VersionId=first, Tagging={"TagSet": [{"Key": "a", "Value": "1"}]})
    said = [s3.boto.get_object_tagging(Bucket=bucket, Key="a", VersionId=version)["TagSet"] for version in (first, second)]
    assert said == [[{"Key": "a", "Value": "1"}], []]
