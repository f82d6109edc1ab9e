"""Objects by parts. CreateMultipartUpload, UploadPart, UploadPartCopy, CompleteMultipartUpload, AbortMultipartUpload, ListParts,
ListMultipartUploads; "Amazon S3 multipart upload limits"."""

import hashlib
from concurrent.futures import ThreadPoolExecutor

from registry import check
from s3 import PART, etag_of, fails, md5, refused, texts

FIRST, SECOND = b"a" * PART, b"the second part"


class Upload:
    """An upload under way."""

    def __init__(self, s3, key=None, **options):
        self.s3, self.key, self.etags = s3, key or s3.key(), {}
        self.where = {"Bucket": s3.bucket, "Key": self.key}
        self.id = s3.boto.create_multipart_upload(**self.where, **options)["UploadId"]

    @property
    def whole(self):
        return {**self.where, "UploadId": self.id}

    def part(self, number, body, **options):
        answer = self.s3.boto.upload_part(**self.whole, PartNumber=number, Body=body, **options)
        self.etags[number] = answer["ETag"]
        return answer

    def complete(self, numbers=None, etags=None, **options):
        etags = etags or self.etags
        parts = [{"PartNumber": number, "ETag": etags[number]} for number in (numbers or sorted(etags))]
        return self.s3.boto.complete_multipart_upload(**self.whole, MultipartUpload={"Parts": parts}, **options)

    def abort(self):
        return self.s3.boto.abort_multipart_upload(**self.whole)


def two_parts(s3, **options):
    upload = Upload(s3, **options)
    upload.part(1, FIRST)
    upload.part(2, SECOND)
    return upload


def etag_of_parts(*parts):
    digests = b"".join(hashlib.md5(part).digest() for part in parts)
    return f'"{hashlib.md5(digests).hexdigest()}-{len(parts)}"'


def gone(s3, upload):
    with fails(404, "NoSuchUpload"):
        s3.boto.list_parts(**upload.whole)


@check
def two(s3):
    """CompleteMultipartUpload: the parts one after the other."""
    upload = two_parts(s3)
    upload.complete()
    assert s3.get(upload.key) == FIRST + SECOND


@check
def answer_of_create(s3):
    """CreateMultipartUpload: Bucket, Key and UploadId."""
    answer = s3.ask("POST", key := s3.key(), query=[("uploads", None)])
    assert (answer.status, texts(answer, "Bucket"), texts(answer, "Key")) == (200, [s3.bucket], [key])
    assert texts(answer, "UploadId")[0]


@check
def answer_of_complete(s3):
    """CompleteMultipartUpload: Location, Bucket, Key and ETag."""
    upload = two_parts(s3)
    answer = upload.complete()
    assert (answer["Bucket"], answer["Key"], answer["ETag"]) == (s3.bucket, upload.key, etag_of_parts(FIRST, SECOND))
    assert answer["Location"].endswith(upload.key)


@check
def etag(s3):
    """CompleteMultipartUpload: the ETag is the MD5 of the parts' MD5s, a hyphen, and how many there are."""
    upload = two_parts(s3)
    upload.complete()
    assert s3.head(upload.key)["ETag"] == etag_of_parts(FIRST, SECOND)


@check
def etag_of_a_part(s3):
    """UploadPart: the ETag is the MD5 of the part."""
    assert Upload(s3).part(1, SECOND)["ETag"] == etag_of(SECOND)


@check
def one_small_part(s3):
    """CompleteMultipartUpload: the last part may be of any size, also where it is the only one."""
    upload = Upload(s3)
    upload.part(1, b"x")
    assert upload.complete()["ETag"] == etag_of_parts(b"x")
    assert s3.get(upload.key) == b"x"


@check
def metadata_of_create(s3):
    """CreateMultipartUpload: type, headers and metadata of the object to be."""
    upload = Upload(s3, ContentType="video/mp4", CacheControl="no-cache", Metadata={"a": "b"})
    upload.part(1, b"x")
    upload.complete()
    head = s3.head(upload.key)
    assert (head["ContentType"], head["CacheControl"], head["Metadata"]) == ("video/mp4", "no-cache", {"a": "b"})


@check
def nothing_before_complete(s3):
    """UploadPart: the object is not there before the upload is complete."""
    upload = two_parts(s3)
    refused(s3.ask("GET", upload.key), 404, "NoSuchKey")
    assert s3.boto.list_objects_v2(Bucket=s3.bucket, Prefix=upload.key)["KeyCount"] == 0
    upload.abort()


@check
def the_one_before_until_complete(s3):
    """UploadPart: an object of this key stays until the upload is complete."""
    key = s3.put(b"before")
    upload = Upload(s3, key)
    upload.part(1, b"after")
    assert s3.get(key) == b"before"
    upload.complete()
    assert s3.get(key) == b"after"


@check
def a_part_again(s3):
    """UploadPart: a part of the same number takes the place of the one before."""
    upload = Upload(s3)
    upload.part(1, b"before")
    upload.part(1, b"after")
    upload.complete()
    assert s3.get(upload.key) == b"after"


@check
def parts_in_any_order(s3):
    """UploadPart: in any order and at the same time."""
    upload = Upload(s3)
    bodies = {number: bytes([number]) * PART for number in (1, 2, 3)}
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda number: upload.part(number, bodies[number]), (3, 1, 2)))
    upload.complete()
    assert s3.get(upload.key) == bodies[1] + bodies[2] + bodies[3]


@check
def numbers_with_gaps(s3):
    """CompleteMultipartUpload: numbers need not follow each other."""
    upload = Upload(s3)
    upload.part(7, FIRST)
    upload.part(10000, SECOND)
    upload.complete()
    assert s3.get(upload.key) == FIRST + SECOND


@check
def some_of_the_parts(s3):
    """CompleteMultipartUpload: parts that are not listed are not in the object."""
    upload = two_parts(s3)
    upload.complete([2])
    assert s3.get(upload.key) == SECOND
    gone(s3, upload)


@check
def part_number_out_of_range(s3):
    """UploadPart: numbers are 1 to 10,000: 400 InvalidArgument."""
    upload = Upload(s3)
    for number in ("0", "10001", "x"):
        query = [("partNumber", number), ("uploadId", upload.id)]
        refused(s3.ask("PUT", upload.key, query=query, body=b"x"), 400, "InvalidArgument")


@check
def part_of_an_unknown_upload(s3):
    """UploadPart: 404 NoSuchUpload."""
    with fails(404, "NoSuchUpload"):
        s3.boto.upload_part(Bucket=s3.bucket, Key=s3.key(), UploadId="none", PartNumber=1, Body=b"x")


@check
def part_of_an_upload_of_another_key(s3):
    """UploadPart: an upload belongs to its key: 404 NoSuchUpload."""
    with fails(404, "NoSuchUpload"):
        s3.boto.upload_part(Bucket=s3.bucket, Key=s3.key(), UploadId=Upload(s3).id, PartNumber=1, Body=b"x")


@check
def part_with_a_wrong_md5(s3):
    """UploadPart: 400 BadDigest."""
    upload = Upload(s3)
    with fails(400, "BadDigest"):
        upload.part(1, b"x", ContentMD5=md5(b"y"))
    assert "Parts" not in s3.boto.list_parts(**upload.whole)


@check
def part_by_a_presigned_url(s3):
    """UploadPart: the signature may be in the query."""
    upload = Upload(s3)
    target = s3.presigned("PUT", upload.key, query=[("partNumber", "1"), ("uploadId", upload.id)])
    answer = s3.bare(target, "PUT", body=b"by URL")
    assert (answer.status, answer.header("etag")) == (200, etag_of(b"by URL"))
    refused(s3.bare(target.replace("partNumber=1", "partNumber=2"), "PUT", body=b"x"), 403)
    upload.etags = {1: answer.header("etag")}
    upload.complete()
    assert s3.get(upload.key) == b"by URL"


@check
def complete_of_an_unknown_upload(s3):
    """CompleteMultipartUpload: 404 NoSuchUpload."""
    with fails(404, "NoSuchUpload"):
        parts = {"Parts": [{"PartNumber": 1, "ETag": etag_of(b"")}]}
        s3.boto.complete_multipart_upload(Bucket=s3.bucket, Key=s3.key(), UploadId="none", MultipartUpload=parts)


@check
def complete_with_a_wrong_etag(s3):
    """CompleteMultipartUpload: 400 InvalidPart, and the upload goes on."""
    upload = Upload(s3)
    upload.part(1, b"x")
    with fails(400, "InvalidPart"):
        upload.complete(etags={1: etag_of(b"y")})
    upload.complete()


@check
def complete_with_a_part_that_is_not_there(s3):
    """CompleteMultipartUpload: 400 InvalidPart."""
    upload = two_parts(s3)
    with fails(400, "InvalidPart"):
        upload.complete(etags={**upload.etags, 3: etag_of(b"z")})


@check
def complete_in_the_wrong_order(s3):
    """CompleteMultipartUpload: 400 InvalidPartOrder."""
    upload = two_parts(s3)
    with fails(400, "InvalidPartOrder"):
        upload.complete([2, 1])


@check
def complete_with_a_small_part(s3):
    """CompleteMultipartUpload: 400 EntityTooSmall where a part before the last has less than 5 MiB."""
    upload = Upload(s3)
    upload.part(1, FIRST[:-1])
    upload.part(2, SECOND)
    with fails(400, "EntityTooSmall"):
        upload.complete()


@check
def complete_without_parts(s3):
    """CompleteMultipartUpload: 400 MalformedXML."""
    upload = Upload(s3)
    body = b'<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/"></CompleteMultipartUpload>'
    refused(s3.ask("POST", upload.key, query=[("uploadId", upload.id)], body=body), 400, "MalformedXML")


@check
def complete_with_no_xml(s3):
    """CompleteMultipartUpload: 400 MalformedXML."""
    upload = Upload(s3)
    refused(s3.ask("POST", upload.key, query=[("uploadId", upload.id)], body=b"<Complete"), 400, "MalformedXML")


@check
def complete_ends_it(s3):
    """CompleteMultipartUpload: the upload is no more."""
    upload = Upload(s3)
    upload.part(1, b"x")
    upload.complete()
    gone(s3, upload)
    with fails(404, "NoSuchUpload"):
        upload.part(2, b"y")


@check
def complete_twice(s3):
    """CompleteMultipartUpload: again with the same parts is the same answer, or NoSuchUpload: never another object."""
    upload = Upload(s3)
    upload.part(1, b"x")
    upload.complete()
    try:
        upload.complete()
    except s3.boto.exceptions.NoSuchUpload:
        pass
    assert s3.get(upload.key) == b"x"


@check
def abort(s3):
    """AbortMultipartUpload: 204; then there is none."""
    upload = two_parts(s3)
    assert upload.abort()["ResponseMetadata"]["HTTPStatusCode"] == 204
    gone(s3, upload)
    with fails(404, "NoSuchUpload"):
        upload.complete()
    assert s3.ask("GET", upload.key).status == 404


@check
def abort_of_an_unknown_upload(s3):
    """AbortMultipartUpload: 404 NoSuchUpload."""
    with fails(404, "NoSuchUpload"):
        s3.boto.abort_multipart_upload(Bucket=s3.bucket, Key=s3.key(), UploadId="none")


@check
def parts_listed(s3):
    """ListParts: number, size, ETag and time of each, in order."""
    upload = Upload(s3)
    upload.part(2, b"22")
    upload.part(1, b"1")
    page = s3.boto.list_parts(**upload.whole)
    assert [(part["PartNumber"], part["Size"], part["ETag"]) for part in page["Parts"]] == [(1, 1, etag_of(b"1")), (2, 2, etag_of(b"22"))]
    assert (page["Bucket"], page["Key"], page["UploadId"], page["IsTruncated"]) == (s3.bucket, upload.key, upload.id, False)


@check
def parts_by_pages(s3):
    """ListParts: MaxParts and PartNumberMarker."""
    upload = Upload(s3)
    for number in (1, 2, 3):
        upload.part(number, b"x")
    first = s3.boto.list_parts(**upload.whole, MaxParts=2)
    assert ([part["PartNumber"] for part in first["Parts"]], first["IsTruncated"]) == ([1, 2], True)
    rest = s3.boto.list_parts(**upload.whole, PartNumberMarker=first["NextPartNumberMarker"])
    assert ([part["PartNumber"] for part in rest["Parts"]], rest["IsTruncated"]) == ([3], False)


@check
def parts_of_an_unknown_upload(s3):
    """ListParts: 404 NoSuchUpload."""
    with fails(404, "NoSuchUpload"):
        s3.boto.list_parts(Bucket=s3.bucket, Key=s3.key(), UploadId="none")


@check
def uploads_listed(s3):
    """ListMultipartUploads: key and id of each that is under way."""
    bucket = s3.new_bucket()
    ids = {}
    for key in ("b", "a"):
        ids[key] = s3.boto.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]
    found = s3.boto.list_multipart_uploads(Bucket=bucket)["Uploads"]
    assert [(item["Key"], item["UploadId"]) for item in found] == [("a", ids["a"]), ("b", ids["b"])]


@check
def uploads_by_prefix_and_delimiter(s3):
    """ListMultipartUploads: Prefix, Delimiter."""
    bucket = s3.new_bucket()
    for key in ("a/1", "a/2", "b", "c/d"):
        s3.boto.create_multipart_upload(Bucket=bucket, Key=key)
    page = s3.boto.list_multipart_uploads(Bucket=bucket, Delimiter="/")
    assert ([item["Key"] for item in page["Uploads"]], [item["Prefix"] for item in page["CommonPrefixes"]]) == (["b"], ["a/", "c/"])
    assert [item["Key"] for item in s3.boto.list_multipart_uploads(Bucket=bucket, Prefix="a/")["Uploads"]] == ["a/1", "a/2"]


@check
def uploads_by_pages(s3):
    """ListMultipartUploads: KeyMarker and UploadIdMarker go on where a page ends."""
    bucket = s3.new_bucket()
    for key in ("a", "a", "b"):
        s3.boto.create_multipart_upload(Bucket=bucket, Key=key)
    found, given = [], {}
    for _ in range(4):
        page = s3.boto.list_multipart_uploads(Bucket=bucket, MaxUploads=1, **given)
        assert len(page.get("Uploads", [])) <= 1
        found += [item["Key"] for item in page.get("Uploads", [])]
        if not page["IsTruncated"]:
            break
        given = {"KeyMarker": page["NextKeyMarker"], "UploadIdMarker": page["NextUploadIdMarker"]}
    assert found == ["a", "a", "b"], found


@check
def two_uploads_of_one_key(s3):
    """CreateMultipartUpload: each has an id and parts of its own."""
    key = s3.key()
    one, two = Upload(s3, key), Upload(s3, key)
    assert one.id != two.id
    one.part(1, b"one")
    two.part(1, b"two")
    one.complete()
    assert s3.get(key) == b"one"
    two.complete()
    assert s3.get(key) == b"two"


@check
def get_of_a_part(s3):
    """GetObject: partNumber is the bytes of this part, as 206, with how many parts there are."""
    upload = two_parts(s3)
    upload.complete()
    answer = s3.ask("GET", upload.key, query=[("partNumber", "2")])
    assert (answer.status, answer.body, answer.header("x-amz-mp-parts-count")) == (206, SECOND, "2")
    assert answer.header("content-range") == f"bytes {PART}-{PART + len(SECOND) - 1}/{PART + len(SECOND)}"


@check
def head_of_a_part(s3):
    """HeadObject: partNumber gives the part's length."""
    upload = two_parts(s3)
    upload.complete()
    answer = s3.ask("HEAD", upload.key, query=[("partNumber", "1")])
    assert (answer.status, answer.header("content-length"), answer.header("x-amz-mp-parts-count")) == (206, str(PART), "2")


@check
def range_over_two_parts(s3):
    """GetObject: a range may begin in one part and end in another."""
    upload = two_parts(s3)
    upload.complete()
    answer = s3.ask("GET", upload.key, headers={"Range": f"bytes={PART - 2}-{PART + 2}"})
    assert (answer.status, answer.body) == (206, b"aa" + SECOND[:3])


@check
def complete_if_none_match(s3):
    """CompleteMultipartUpload: with If-None-Match: * 412 PreconditionFailed where the key is there."""
    upload = Upload(s3, s3.put(b"before"))
    upload.part(1, b"after")
    with fails(412, "PreconditionFailed"):
        upload.complete(IfNoneMatch="*")
    assert s3.get(upload.key) == b"before"


@check
def complete_if_match(s3):
    """CompleteMultipartUpload: with If-Match 412 PreconditionFailed where the ETag is another."""
    upload = Upload(s3, s3.put(b"before"))
    upload.part(1, b"after")
    with fails(412, "PreconditionFailed"):
        upload.complete(IfMatch='"another"')
    upload = Upload(s3, upload.key)
    upload.part(1, b"after")
    upload.complete(IfMatch=etag_of(b"before"))
    assert s3.get(upload.key) == b"after"


@check
def part_by_copy(s3):
    """UploadPartCopy: a part out of another object; the answer has its ETag."""
    source, upload = s3.put(b"0123456789"), Upload(s3)
    answer = s3.boto.upload_part_copy(**upload.whole, PartNumber=1, CopySource={"Bucket": s3.bucket, "Key": source})
    assert answer["CopyPartResult"]["ETag"] == etag_of(b"0123456789")
    upload.etags[1] = answer["CopyPartResult"]["ETag"]
    upload.complete()
    assert s3.get(upload.key) == b"0123456789"


@check
def part_by_copy_of_a_range(s3):
    """UploadPartCopy: x-amz-copy-source-range."""
    source, upload = s3.put(b"0123456789"), Upload(s3)
    answer = s3.boto.upload_part_copy(**upload.whole, PartNumber=1, CopySource={"Bucket": s3.bucket, "Key": source}, CopySourceRange="bytes=2-4")
    upload.etags[1] = answer["CopyPartResult"]["ETag"]
    upload.complete()
    assert s3.get(upload.key) == b"234"


@check
def part_by_copy_beyond_the_end(s3):
    """UploadPartCopy: a range that is not in the source is refused: 400 or 416."""
    source, upload = s3.put(b"0123456789"), Upload(s3)
    answer = s3.ask("PUT", upload.key, query=[("partNumber", "1"), ("uploadId", upload.id)],
                    headers={"x-amz-copy-source": f"/{s3.bucket}/{source}", "x-amz-copy-source-range": "bytes=5-20"})  # fmt: skip
    assert answer.status in (400, 416), answer.status


@check
def part_by_copy_of_what_is_not_there(s3):
    """UploadPartCopy: 404 NoSuchKey."""
    upload = Upload(s3)
    with fails(404, "NoSuchKey"):
        s3.boto.upload_part_copy(**upload.whole, PartNumber=1, CopySource={"Bucket": s3.bucket, "Key": s3.key()})


@check
def odd_key(s3):
    """CreateMultipartUpload: any key."""
    upload = Upload(s3, s3.key("a b+ü%2F/../x//"))
    upload.part(1, b"x")
    assert upload.complete()["Key"] == upload.key
    assert s3.get(upload.key) == b"x"
