"""Where a request carries tokens: docs/reference/http.md, "Where a token travels"; RFC 6750, RFC 6265, RFC 3986."""

import re
from urllib.parse import unquote_to_bytes

MOST_COOKIES = 4
NOT_UTF8 = None


class Conflict(Exception):
    """No one meaning, by its reasons."""


def presented(request, sources):
    """The tokens that are judged. An `Authorization` that is not `Bearer` and one token is an empty one."""
    explicit = []
    if "header" in sources:
        explicit += [bearer(value) for value in request.fields("authorization")]
    for name in kind(sources, "query"):
        explicit += in_query(request.query, name)
    faults = set()
    if NOT_UTF8 in explicit:
        faults.add("query_not_utf8")
    if len(set(explicit) - {NOT_UTF8}) > 1:
        faults.add("two_tokens")
    if faults:
        raise Conflict(faults)
    if explicit:
        return explicit[:1]
    cookies = []
    for name in kind(sources, "cookie"):
        cookies += in_cookies(request.fields("cookie"), name)
    return cookies[:MOST_COOKIES]


def kind(sources, wanted):
    return [source.split(":", 1)[1] for source in sources if source.startswith(f"{wanted}:")]


def bearer(value):
    """RFC 9110 section 11.4: the scheme in any case of letters, spaces, and one text, of which a comma is no part."""
    match = re.fullmatch(r"bearer +([^ ,\t]+)", value, re.I)
    return match[1] if match else ""


def in_query(query, name):
    """RFC 3986 section 2.1: a plus is a plus."""
    found = []
    for part in query.split("&"):
        raw_name, _, raw_value = part.partition("=")
        if unquote_to_bytes(raw_name) == name.encode():
            try:
                found.append(unquote_to_bytes(raw_value).decode())
            except UnicodeDecodeError:
                found.append(NOT_UTF8)
    return found


def in_cookies(fields, name):
    """RFC 6265 section 4.2.1, in their order."""
    found = []
    for field in fields:
        for pair in field.split(";"):
            pair_name, equals, value = pair.strip(" \t").partition("=")
            if equals and (pair_name == name or pair_name.startswith(f"{name}-")):
                found.append(value[1:-1] if re.fullmatch(r'".*"', value) else value)
    return found
