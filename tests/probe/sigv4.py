"""Signature Version 4 by hand, so that a request may be wrong in one place. Amazon S3 API reference, "Authenticating requests"."""

import hashlib
import hmac
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from urllib.parse import quote

UNSIGNED = "UNSIGNED-PAYLOAD"
STREAMING = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"


def escaped(text, safe=""):
    return quote(text, safe=safe + "-_.~")


def query_string(pairs):
    """Canonical: sorted, and a parameter without a value has an empty one."""
    return "&".join(f"{escaped(name)}={escaped(value)}" for name, value in sorted(pairs))


def digest(data):
    return hashlib.sha256(data).hexdigest()


@dataclass(frozen=True)
class Signer:
    access: str
    secret: str
    region: str = "us-east-1"
    service: str = "s3"
    late: timedelta = timedelta()  # how far its clock is behind

    def but(self, **changes):
        return replace(self, **changes)

    def time(self):
        return (datetime.now(timezone.utc) - self.late).strftime("%Y%m%dT%H%M%SZ")

    def scope(self, time):
        return f"{time[:8]}/{self.region}/{self.service}/aws4_request"

    def key(self, day):
        key = ("AWS4" + self.secret).encode()
        for word in (day, self.region, self.service, "aws4_request"):
            key = hmac.new(key, word.encode(), hashlib.sha256).digest()
        return key

    def sign(self, time, text):
        return hmac.new(self.key(time[:8]), text.encode(), hashlib.sha256).hexdigest()

    def signature(self, time, method, path, query, headers, payload):
        """`path` is escaped, `query` a list of pairs, `headers` those that are signed."""
        values = sorted((name.lower(), " ".join(str(value).split())) for name, value in headers)
        canonical = "\n".join([
            method, path, query_string(query), "".join(f"{name}:{value}\n" for name, value in values),
            ";".join(name for name, _ in values), payload,
        ])  # fmt: skip
        return self.sign(time, "\n".join(["AWS4-HMAC-SHA256", time, self.scope(time), digest(canonical.encode())]))

    def headers(self, method, path, query, headers, payload, host):
        """The headers to add."""
        time = self.time()
        added = [("x-amz-date", time), ("x-amz-content-sha256", payload)]
        signed = [("host", host), *headers, *added]
        signature = self.signature(time, method, path, query, signed, payload)
        names = ";".join(sorted(name.lower() for name, _ in signed))
        credential = f"{self.access}/{self.scope(time)}"
        return [*added, ("Authorization", f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, Signature={signature}")]

    def presigned(self, method, path, query, headers, host, expires):
        """The whole query, as pairs."""
        time = self.time()
        signed = [("host", host), *headers]
        query = [
            *query,
            ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
            ("X-Amz-Credential", f"{self.access}/{self.scope(time)}"),
            ("X-Amz-Date", time),
            ("X-Amz-Expires", str(expires)),
            ("X-Amz-SignedHeaders", ";".join(sorted(name.lower() for name, _ in signed))),
        ]
        return [*query, ("X-Amz-Signature", self.signature(time, method, path, query, signed, UNSIGNED))]
