"""Additional checksums, in headers and trailers. "Checking object integrity in Amazon S3"."""

import base64

from checks.multipart import Upload
from crc import DIGESTS, checksum
from registry import check, check_as
from s3 import PART, fails, refused

BODY = b"123456789" * 100


def header(algorithm):
    return f"x-amz-checksum-{algorithm.lower()}"


for algorithm in DIGESTS:

    def right(s3, algorithm=algorithm):
        key = s3.key()
        assert s3.ask("PUT", key, body=BODY, headers={header(algorithm): checksum(algorithm, BODY)}).status == 200
        answer = s3.ask("HEAD", key, headers={"x-amz-checksum-mode": "ENABLED"})
        assert answer.header(header(algorithm)) == checksum(algorithm, BODY)

    def wrong(s3, algorithm=algorithm):
        key = s3.key()
        refused(s3.ask("PUT", key, body=BODY, headers={header(algorithm): checksum(algorithm, b"other")}), 400, "BadDigest")
        assert s3.ask("GET", key).status == 404

    def by_trailer(s3, algorithm=algorithm):
        key, answer = trailed(s3, {header(algorithm): checksum(algorithm, BODY)})
        assert answer.status == 200, answer
        assert s3.get(key) == BODY
        assert s3.ask("HEAD", key, headers={"x-amz-checksum-mode": "ENABLED"}).header(header(algorithm)) == checksum(algorithm, BODY)

    check_as(f"{algorithm.lower()}", f"PutObject: {header(algorithm)} is compared, kept and told")(right)
    check_as(f"{algorithm.lower()}_wrong", "PutObject: 400 BadDigest, and nothing is stored")(wrong)
    check_as(f"{algorithm.lower()}_in_a_trailer", "PutObject: STREAMING-UNSIGNED-PAYLOAD-TRAILER")(by_trailer)


def trailed(s3, trailers, announced=None):
    """aws-chunked without signatures on the chunks, and with trailers."""
    key = s3.key()
    headers = {"content-encoding": "aws-chunked", "x-amz-decoded-content-length": str(len(BODY)), "x-amz-trailer": announced or ",".join(trailers)}
    body = f"{len(BODY):x}\r\n".encode() + BODY + b"\r\n0\r\n"
    body += b"".join(f"{name}:{value}\r\n".encode() for name, value in trailers.items()) + b"\r\n"
    return key, s3.ask("PUT", key, headers=headers, body=body, payload="STREAMING-UNSIGNED-PAYLOAD-TRAILER")


@check
def trailer_wrong(s3):
    """PutObject: 400 BadDigest, and nothing is stored."""
    key, answer = trailed(s3, {header("CRC32"): checksum("CRC32", b"other")})
    refused(answer, 400, "BadDigest")
    assert s3.ask("GET", key).status == 404


@check
def trailer_missing(s3):
    """PutObject: a trailer that was announced has to come: 400."""
    key, answer = trailed(s3, {}, announced=header("CRC32"))
    refused(answer, 400)
    assert s3.ask("GET", key).status == 404


@check
def chunk_cut_short(s3):
    """PutObject: fewer bytes than x-amz-decoded-content-length says: 400, and nothing is stored."""
    key = s3.key()
    headers = {"content-encoding": "aws-chunked", "x-amz-decoded-content-length": "100", "x-amz-trailer": header("CRC32")}
    body = b"5\r\n12345\r\n0\r\n" + f"{header('CRC32')}:{checksum('CRC32', b'12345')}\r\n\r\n".encode()
    answer = s3.ask("PUT", key, headers=headers, body=body, payload="STREAMING-UNSIGNED-PAYLOAD-TRAILER")
    refused(answer, 400)
    assert s3.ask("GET", key).status == 404


@check
def not_told_unless_asked(s3):
    """GetObject: checksums are told with x-amz-checksum-mode: ENABLED."""
    key = s3.key()
    s3.ask("PUT", key, body=BODY, headers={header("CRC32"): checksum("CRC32", BODY)})
    assert s3.ask("GET", key).header(header("CRC32")) is None
    assert s3.ask("GET", key, headers={"x-amz-checksum-mode": "ENABLED"}).header(header("CRC32")) == checksum("CRC32", BODY)


@check
def by_default(s3):
    """PutObject: where none was given CRC64NVME is computed and kept."""
    answer = s3.ask("HEAD", s3.put(BODY), headers={"x-amz-checksum-mode": "ENABLED"})
    assert answer.header(header("CRC64NVME")) == checksum("CRC64NVME", BODY)


@check
def of_the_whole(s3):
    """HeadObject: x-amz-checksum-type is FULL_OBJECT for an object of one piece."""
    answer = s3.ask("HEAD", s3.put(BODY), headers={"x-amz-checksum-mode": "ENABLED"})
    assert answer.header("x-amz-checksum-type") == "FULL_OBJECT"


@check
def of_no_sense(s3):
    """PutObject: 400 InvalidRequest where it is no checksum of this kind."""
    for value in ("nonsense", "", base64.b64encode(b"12345").decode()):
        refused(s3.ask("PUT", s3.key(), body=BODY, headers={header("CRC32"): value}), 400, "InvalidRequest", "InvalidDigest", "BadDigest")


@check
def two_at_once(s3):
    """PutObject: one checksum alone: 400 InvalidRequest."""
    headers = {header(name): checksum(name, BODY) for name in ("CRC32", "SHA256")}
    refused(s3.ask("PUT", s3.key(), body=BODY, headers=headers), 400, "InvalidRequest")


@check
def in_a_presigned_query(s3):
    """PutObject: a checksum that is signed binds the sender."""
    key, said = s3.key(), {header("SHA256"): checksum("SHA256", BODY)}
    target = s3.presigned("PUT", key, headers=said)
    refused(s3.bare(target, "PUT", said, b"another"), 400, "BadDigest")
    assert s3.bare(target, "PUT", said, BODY).status == 200


@check
def in_attributes(s3):
    """GetObjectAttributes: Checksum with its kind."""
    key = s3.key()
    s3.ask("PUT", key, body=BODY, headers={header("SHA256"): checksum("SHA256", BODY)})
    said = s3.boto.get_object_attributes(Bucket=s3.bucket, Key=key, ObjectAttributes=["Checksum"])["Checksum"]
    assert said["ChecksumSHA256"] == checksum("SHA256", BODY)


@check
def of_parts(s3):
    """CompleteMultipartUpload: a COMPOSITE checksum is the checksum of the parts' checksums, with their count."""
    upload = Upload(s3, ChecksumAlgorithm="SHA256")
    bodies = {1: b"a" * PART, 2: b"b"}
    sums = {number: checksum("SHA256", body) for number, body in bodies.items()}
    for number, body in bodies.items():
        assert upload.part(number, body, ChecksumSHA256=sums[number])["ChecksumSHA256"] == sums[number]
    parts = [{"PartNumber": number, "ETag": upload.etags[number], "ChecksumSHA256": sums[number]} for number in (1, 2)]
    s3.boto.complete_multipart_upload(**upload.whole, MultipartUpload={"Parts": parts})
    whole = checksum("SHA256", b"".join(base64.b64decode(sums[number]) for number in (1, 2))) + "-2"
    answer = s3.ask("HEAD", upload.key, headers={"x-amz-checksum-mode": "ENABLED"})
    assert (answer.header(header("SHA256")), answer.header("x-amz-checksum-type")) == (whole, "COMPOSITE")


@check
def of_the_whole_by_parts(s3):
    """CompleteMultipartUpload: a FULL_OBJECT checksum is of the whole, and compared where it is given."""
    def upload():
        made = Upload(s3, ChecksumAlgorithm="CRC32", ChecksumType="FULL_OBJECT")
        made.part(1, b"a" * PART)
        made.part(2, b"b")
        return made

    with fails(400, "BadDigest", "InvalidRequest"):
        upload().complete(ChecksumCRC32=checksum("CRC32", b"other"), ChecksumType="FULL_OBJECT")
    made, whole = upload(), checksum("CRC32", b"a" * PART + b"b")
    made.complete(ChecksumCRC32=whole, ChecksumType="FULL_OBJECT")
    answer = s3.ask("HEAD", made.key, headers={"x-amz-checksum-mode": "ENABLED"})
    assert (answer.header(header("CRC32")), answer.header("x-amz-checksum-type")) == (whole, "FULL_OBJECT")


@check
def of_a_part_wrong(s3):
    """UploadPart: 400 BadDigest."""
    upload = Upload(s3)
    with fails(400, "BadDigest"):
        upload.part(1, b"x", ChecksumCRC32=checksum("CRC32", b"y"))


@check
def of_a_copy(s3):
    """CopyObject: the checksum of the source is the copy's."""
    source, key = s3.key(), s3.key()
    s3.ask("PUT", source, body=BODY, headers={header("SHA256"): checksum("SHA256", BODY)})
    s3.boto.copy_object(Bucket=s3.bucket, Key=key, CopySource={"Bucket": s3.bucket, "Key": source})
    assert s3.ask("HEAD", key, headers={"x-amz-checksum-mode": "ENABLED"}).header(header("SHA256")) == checksum("SHA256", BODY)
