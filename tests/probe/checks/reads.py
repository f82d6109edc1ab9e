"""Ranges and conditions. GetObject, HeadObject; RFC 9110 sections 13 and 14."""

from email.utils import formatdate
from time import time

from registry import check, check_as
from s3 import etag_of, refused

BODY = b"0123456789"
LONG_AGO = "Sat, 01 Jan 2000 00:00:00 GMT"


def ask(s3, method="GET", body=BODY, key=None, **headers):
    key = key or s3.put(body)
    return s3.ask(method, key, headers={name.replace("_", "-"): value for name, value in headers.items()})


def served(answer, first, last, size=len(BODY)):
    assert answer.status == 206, answer.status
    assert answer.header("content-range") == f"bytes {first}-{last}/{size}"
    assert answer.header("content-length") == str(last - first + 1)
    assert answer.body == BODY[first : last + 1]


RANGES = {
    "first_byte": ("0-0", 0, 0), "last_byte": ("9-9", 9, 9), "middle": ("2-5", 2, 5), "open": ("7-", 7, 9), "suffix": ("-3", 7, 9),
    "beyond_the_end": ("5-99", 5, 9), "suffix_beyond_the_start": ("-99", 0, 9), "all": ("0-9", 0, 9),
}  # fmt: skip
for name, (text, first, last) in RANGES.items():

    def one_range(s3, text=text, first=first, last=last):
        served(ask(s3, Range=f"bytes={text}"), first, last)

    check_as(f"range_{name}", f"GetObject: 206 for `{text}`, with Content-Range and Content-Length of the piece")(one_range)

for name, text in {"after_the_end": "10-", "far_after_the_end": "99-100", "empty_suffix": "-0"}.items():

    def unsatisfiable(s3, text=text):
        refused(ask(s3, Range=f"bytes={text}"), 416, "InvalidRange")

    check_as(f"range_{name}", f"GetObject: 416 InvalidRange for `{text}`")(unsatisfiable)

for name, text in {"reversed": "bytes=5-1", "of_letters": "bytes=a-b", "without_unit": "0-5", "of_another_unit": "octets=0-5", "empty": "bytes="}.items():

    def ignored(s3, text=text):
        answer = ask(s3, Range=text)
        assert (answer.status, answer.body) == (200, BODY), answer.status

    check_as(f"range_{name}", f"GetObject: what is no range is ignored (RFC 9110 section 14.2): `{text}`")(ignored)


@check
def two_ranges(s3):
    """GetObject: more than one range of an object cannot be had in one request: the whole object."""
    answer = ask(s3, Range="bytes=0-1,4-5")
    assert (answer.status, answer.body) == (200, BODY)


@check
def range_of_nothing(s3):
    """GetObject: an empty object has no range: 416."""
    refused(ask(s3, body=b"", Range="bytes=0-0"), 416, "InvalidRange")


@check
def range_unsatisfiable_says_the_size(s3):
    """RFC 9110 section 15.5.17: 416 with Content-Range `bytes */10`."""
    answer = ask(s3, Range="bytes=10-")
    assert (answer.status, answer.header("content-range")) == (416, "bytes */10")


@check
def range_of_a_head(s3):
    """HeadObject: Range gives 206 and the piece's headers."""
    answer = ask(s3, "HEAD", Range="bytes=2-5")
    assert (answer.status, answer.header("content-range"), answer.header("content-length")) == (206, "bytes 2-5/10", "4")


@check
def range_across_a_large_object(s3):
    """GetObject: every byte of a piece of a large object."""
    body = bytes(range(256)) * 10000
    key = s3.put(body)
    for first, last in ((65535, 65536), (262143, 262145), (1048575, 1048577), (len(body) - 3, len(body) - 1)):
        answer = ask(s3, key=key, Range=f"bytes={first}-{last}")
        assert (answer.status, answer.body) == (206, body[first : last + 1]), (first, last)


@check
def if_range_of_this_version(s3):
    """RFC 9110 section 13.1.5: the piece, where If-Range is the ETag."""
    served(ask(s3, Range="bytes=2-5", If_Range=etag_of(BODY)), 2, 5)


@check
def if_range_of_another_version(s3):
    """RFC 9110 section 13.1.5: the whole object, where If-Range is another ETag."""
    answer = ask(s3, Range="bytes=2-5", If_Range='"another"')
    assert (answer.status, answer.body) == (200, BODY)


@check
def part_number_of_an_object_without_parts(s3):
    """GetObject: partNumber 1 is the whole object, as 206."""
    answer = s3.ask("GET", s3.put(BODY), query=[("partNumber", "1")])
    assert (answer.status, answer.body) == (206, BODY)


@check
def part_number_that_is_not_there(s3):
    """GetObject: 416 InvalidPartNumber."""
    refused(s3.ask("GET", s3.put(BODY), query=[("partNumber", "2")]), 416, "InvalidPartNumber")


@check
def if_match(s3):
    """GetObject: 200 where If-Match is the ETag, `*`, or a list that holds it."""
    for value in (etag_of(BODY), "*", f'"x", {etag_of(BODY)}'):
        assert ask(s3, If_Match=value).status == 200, value


@check
def if_match_another(s3):
    """GetObject: 412 PreconditionFailed."""
    refused(ask(s3, If_Match='"another"'), 412, "PreconditionFailed")


@check
def if_match_of_a_head(s3):
    """HeadObject: 412 without a body."""
    answer = ask(s3, "HEAD", If_Match='"another"')
    assert (answer.status, answer.body) == (412, b"")


@check
def if_none_match(s3):
    """GetObject: 304 where If-None-Match is the ETag."""
    answer = ask(s3, If_None_Match=etag_of(BODY))
    assert (answer.status, answer.body) == (304, b"")


@check
def if_none_match_keeps_the_etag(s3):
    """RFC 9110 section 15.4.5: a 304 has the ETag and Last-Modified."""
    answer = ask(s3, If_None_Match=etag_of(BODY))
    assert (answer.status, answer.header("etag")) == (304, etag_of(BODY))


@check
def if_none_match_any(s3):
    """GetObject: 304 for `*`, a list that holds the ETag, and its weak form."""
    for value in ("*", f'"x", {etag_of(BODY)}', "W/" + etag_of(BODY)):
        assert ask(s3, If_None_Match=value).status == 304, value


@check
def if_none_match_another(s3):
    """GetObject: 200 where If-None-Match is another."""
    assert ask(s3, If_None_Match='"another"').body == BODY


@check
def if_none_match_of_a_head(s3):
    """HeadObject: 304."""
    assert ask(s3, "HEAD", If_None_Match=etag_of(BODY)).status == 304


@check
def if_modified_since(s3):
    """GetObject: 304 where it was not modified since."""
    key = s3.put(BODY)
    assert ask(s3, key=key, If_Modified_Since=s3.ask("HEAD", key).header("last-modified")).status == 304


@check
def if_modified_since_long_ago(s3):
    """GetObject: 200 where it was modified since."""
    assert ask(s3, If_Modified_Since=LONG_AGO).status == 200


@check
def if_modified_since_no_date(s3):
    """RFC 9110 section 13.1.3: what is no date is ignored."""
    assert ask(s3, If_Modified_Since="yesterday").status == 200


@check
def if_unmodified_since(s3):
    """GetObject: 412 PreconditionFailed where it was modified since."""
    refused(ask(s3, If_Unmodified_Since=LONG_AGO), 412, "PreconditionFailed")


@check
def if_unmodified_since_and_it_was_not(s3):
    """GetObject: 200 where it was not modified since."""
    assert ask(s3, If_Unmodified_Since=formatdate(time() + 60, usegmt=True)).status == 200


@check
def if_match_before_if_unmodified_since(s3):
    """GetObject: If-Match true and If-Unmodified-Since false is 200."""
    assert ask(s3, If_Match=etag_of(BODY), If_Unmodified_Since=LONG_AGO).status == 200


@check
def if_none_match_before_if_modified_since(s3):
    """GetObject: If-None-Match false and If-Modified-Since true is 304."""
    assert ask(s3, If_None_Match=etag_of(BODY), If_Modified_Since=LONG_AGO).status == 304


@check
def conditions_before_ranges(s3):
    """RFC 9110 section 13.2.2: a condition is judged before a range."""
    assert ask(s3, If_None_Match=etag_of(BODY), Range="bytes=99-").status == 304
    assert ask(s3, If_Match='"x"', Range="bytes=0-1").status == 412


@check
def conditions_on_what_is_not_there(s3):
    """GetObject: 404 whatever the condition."""
    for name in ("If-Match", "If-None-Match"):
        refused(s3.ask("GET", s3.key(), headers={name: "*"}), 404, "NoSuchKey")
