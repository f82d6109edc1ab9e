"""DeleteObjects."""

from xml.sax.saxutils import escape

from registry import check
from s3 import md5, refused, texts


def delete(s3, keys, *, quiet=False, md5_of=None, **headers):
    objects = "".join(f"<Object><Key>{escape(key)}</Key></Object>" for key in keys)
    body = f"<Delete>{'<Quiet>true</Quiet>' if quiet else ''}{objects}</Delete>".encode()
    headers = headers or {"Content-MD5": md5(md5_of or body)}
    return s3.ask("POST", query=[("delete", None)], headers=headers, body=body)


@check
def several(s3):
    """DeleteObjects: all are gone, and named as Deleted."""
    keys = [s3.put() for _ in range(3)]
    answer = delete(s3, keys)
    assert answer.status == 200
    assert sorted(texts(answer, "Key")) == sorted(keys) and texts(answer, "Deleted") and not texts(answer, "Error")
    assert [s3.ask("GET", key).status for key in keys] == [404] * 3


@check
def others_stay(s3):
    """DeleteObjects: what is not named stays."""
    stays, goes = s3.put(b"stays"), s3.put()
    delete(s3, [goes])
    assert s3.get(stays) == b"stays"


@check
def quiet(s3):
    """DeleteObjects: with Quiet only errors are told."""
    key = s3.put()
    answer = delete(s3, [key], quiet=True)
    assert answer.status == 200 and texts(answer, "Deleted") == []
    assert s3.ask("GET", key).status == 404


@check
def what_is_not_there(s3):
    """DeleteObjects: what is not there is Deleted."""
    answer = delete(s3, [key := s3.key()])
    assert (texts(answer, "Key"), texts(answer, "Error")) == ([key], [])


@check
def odd_keys(s3):
    """DeleteObjects: keys as they are: nothing in them is escaped but for XML."""
    keys = [s3.put(b"x", s3.key(name)) for name in ("a b", "a+b", "a%20b", "<&>", "ü", "a//b", "../x", "a/")]
    answer = delete(s3, keys)
    assert sorted(texts(answer, "Key")) == sorted(keys)
    assert [s3.ask("GET", key).status for key in keys] == [404] * len(keys)


@check
def a_thousand(s3):
    """DeleteObjects: 1,000 keys in one request."""
    keys = [f"none/{number}" for number in range(999)] + [s3.put()]
    answer = delete(s3, keys)
    assert answer.status == 200 and len(texts(answer, "Deleted")) == 1000
    assert s3.ask("GET", keys[-1]).status == 404


@check
def more_than_a_thousand(s3):
    """DeleteObjects: 400 MalformedXML beyond 1,000, and none is deleted."""
    keys = [s3.put(), *(f"none/{number}" for number in range(1000))]
    refused(delete(s3, keys), 400, "MalformedXML")
    assert s3.ask("GET", keys[0]).status == 200


@check
def none(s3):
    """DeleteObjects: 400 MalformedXML where no key is named."""
    refused(delete(s3, []), 400, "MalformedXML")


@check
def no_xml(s3):
    """DeleteObjects: 400 MalformedXML."""
    for body in (b"", b"x", b"<Delete>", b"<Delete><Object></Object></Delete>"):
        refused(s3.ask("POST", query=[("delete", None)], headers={"Content-MD5": md5(body)}, body=body), 400)


@check
def without_a_digest(s3):
    """DeleteObjects: Content-MD5 or a checksum is required: 400 InvalidRequest."""
    key = s3.put()
    refused(delete(s3, [key], x_ignored="1"), 400, "InvalidRequest")
    assert s3.ask("GET", key).status == 200


@check
def wrong_digest(s3):
    """DeleteObjects: 400 BadDigest, and none is deleted."""
    key = s3.put()
    refused(delete(s3, [key], md5_of=b"other"), 400, "BadDigest")
    assert s3.ask("GET", key).status == 200


@check
def entities_are_not_expanded(s3):
    """DeleteObjects: a document type of one's own is refused or not looked at: no entity becomes a key."""
    victim = s3.put()
    body = f'<!DOCTYPE d [<!ENTITY k "{victim}">]><Delete><Object><Key>&k;</Key></Object></Delete>'.encode()
    answer = s3.ask("POST", query=[("delete", None)], headers={"Content-MD5": md5(body)}, body=body)
    assert answer.status < 500
    assert s3.ask("GET", victim).status == 200


@check
def anonymous(s3):
    """DeleteObjects: 403 AccessDenied, and none is deleted."""
    key = s3.put()
    body = f"<Delete><Object><Key>{key}</Key></Object></Delete>".encode()
    refused(s3.bare(s3.path() + "?delete", "POST", {"Content-MD5": md5(body)}, body), 403)
    assert s3.ask("GET", key).status == 200
