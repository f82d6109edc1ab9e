"""What a check has in hand: boto3, and requests written by hand where boto3 is too polite."""

import base64
import hashlib
import sys
import uuid
import xml.etree.ElementTree as ElementTree

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from http1 import ask, exchange, request
from sigv4 import UNSIGNED, Signer, digest, escaped, query_string

MIB = 1024 * 1024
PART = 5 * MIB  # the least size of a part that is not the last


class S3:
    """One server, one bucket that is there for the whole run, and names that nobody else has."""

    def __init__(self, endpoint, access, secret, region="us-east-1"):
        self.endpoint, self.region = endpoint.rstrip("/"), region
        self.host = self.endpoint.split("//")[1]
        self.access, self.secret = access, secret
        self.signer = Signer(access, secret, region)
        self.boto = self.client()
        self.bucket = f"probe-{uuid.uuid4()}"
        self._buckets = []

    def client(self, **settings):
        # No retries: one answer is one finding. Checksums only where a check gives one.
        config = Config(
            signature_version="s3v4", s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}, max_pool_connections=20,
            connect_timeout=10, read_timeout=30, request_checksum_calculation="when_required", response_checksum_validation="when_required",
        )  # fmt: skip
        return boto3.client("s3", endpoint_url=self.endpoint, region_name=self.region, aws_access_key_id=self.access,
                            aws_secret_access_key=self.secret, config=config, **settings)  # fmt: skip

    def __enter__(self):
        self.boto.create_bucket(Bucket=self.bucket)
        self._buckets.append(self.bucket)
        return self

    def __exit__(self, *_):
        for bucket in self._buckets:
            self._empty(bucket)

    def new_bucket(self):
        name = f"probe-{uuid.uuid4()}"
        self.boto.create_bucket(Bucket=name)
        self._buckets.append(name)
        return name

    def _empty(self, bucket):
        """As far as the server lets it: what stays behind is no finding of its own."""
        for method, found, of in ((self.boto.list_object_versions, ("Versions", "DeleteMarkers"), "VersionId"), (self.boto.list_objects_v2, ("Contents",), None)):
            try:
                while True:
                    page = method(Bucket=bucket)
                    for item in [item for name in found for item in page.get(name, [])]:
                        self.boto.delete_object(Bucket=bucket, Key=item["Key"], **({of: item[of]} if of else {}))
                    if not page.get("IsTruncated"):
                        break
                for upload in self.boto.list_multipart_uploads(Bucket=bucket).get("Uploads", []):
                    self.boto.abort_multipart_upload(Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])
            except ClientError:
                continue
        try:
            self.boto.delete_bucket(Bucket=bucket)
        except ClientError as error:
            print(f"{bucket} stays: {error}", file=sys.stderr)

    def key(self, name="a"):
        return f"{uuid.uuid4()}/{name}"

    def put(self, body=b"some bytes", key=None, **options):
        """A new object. Gives its key."""
        key = key or self.key()
        self.boto.put_object(Bucket=self.bucket, Key=key, Body=body, **options)
        return key

    def get(self, key, **options):
        return self.boto.get_object(Bucket=self.bucket, Key=key, **options)["Body"].read()

    def head(self, key, **options):
        return self.boto.head_object(Bucket=self.bucket, Key=key, **options)

    def path(self, key=None, bucket=None):
        """As a request names it: each byte of a key that is not unreserved or a slash is escaped."""
        path = "/" + (self.bucket if bucket is None else bucket)
        return path if key is None else f"{path}/{escaped(key, '/')}"

    def ask(self, method, key=None, *, bucket=None, path=None, query=(), headers=(), body=None, payload=None, signer=None, unsigned=()):
        """Signed in the header. `unsigned` are headers that are sent and not signed; `payload` is what is signed of the body."""
        path, query = path or self.path(key, bucket), [(name, value or "") for name, value in query]
        headers = list(dict(headers).items())
        if body is None and method in ("PUT", "POST"):
            body = b""  # so that a length is sent
        payload = payload or digest(body or b"")
        added = (signer or self.signer).headers(method, path, query, headers, payload, self.host)
        target = path + ("?" + query_string(query) if query else "")
        return ask(self.endpoint, target, method=method, headers=[*headers, *dict(unsigned).items(), *added], body=body)

    def presigned(self, method, key=None, *, query=(), headers=(), expires=60, signer=None):
        """The target of a presigned request: path and query."""
        path = self.path(key)
        pairs = (signer or self.signer).presigned(method, path, list(query), list(dict(headers).items()), self.host, expires)
        return f"{path}?{query_string(pairs)}"

    def bare(self, target, method="GET", headers=(), body=None):
        """Not signed, exactly as written."""
        return ask(self.endpoint, target, method=method, headers=list(dict(headers).items()), body=body)

    def raw(self, data, method="GET", timeout=10):
        return exchange(self.endpoint, data, method=method, timeout=timeout)

    def request_bytes(self, method, key, *, headers=(), body=None):
        """A signed request as bytes, to be sent otherwise than whole."""
        added = self.signer.headers(method, self.path(key), [], list(dict(headers).items()), UNSIGNED, self.host)
        return request(self.host, self.path(key), method=method, headers=[*dict(headers).items(), *added], body=body)


def md5(data):
    return base64.b64encode(hashlib.md5(data).digest()).decode()


def etag_of(data):
    return f'"{hashlib.md5(data).hexdigest()}"'


def xml(answer):
    """The answer's document, its namespace taken off the names."""
    root = ElementTree.fromstring(answer.body)
    for element in root.iter():
        element.tag = element.tag.rsplit("}", 1)[-1]
    return root


def texts(answer, name):
    return [element.text or "" for element in xml(answer).iter(name)]


def code(answer):
    """The Code of an error document."""
    found = texts(answer, "Code")
    return found[0] if found else None


def refused(answer, status, *codes):
    """Exactly this answer."""
    assert answer.status == status, f"{answer.status} {answer.body[:200]!r}, expected {status}"
    if codes:
        assert code(answer) in codes, f"{code(answer)}, expected {' or '.join(codes)}"


class fails:
    """A block of boto3 that ends with this answer."""

    def __init__(self, status, *codes):
        self.status, self.codes = status, codes

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if error is not None and not isinstance(error, ClientError):
            return False
        assert error is not None, f"it was done, expected {self.status} {' or '.join(self.codes)}"
        self.response = error.response
        status, given = error.response["ResponseMetadata"]["HTTPStatusCode"], error.response["Error"]["Code"]
        assert status == self.status, f"{status} {given}, expected {self.status}"
        assert not self.codes or given in self.codes, f"{given}, expected {' or '.join(self.codes)}"
        return True
