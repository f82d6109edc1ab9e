"""JSON as tokens must hold it: RFC 8259 with no repeated members (RFC 7515 section 4, RFC 7519 section 4)."""

import json
import math
import re

# http.md: lists and objects within each other.
DEEPEST = 127


class Fault(Exception):
    pass


def _members(pairs):
    members = dict(pairs)
    if len(members) != len(pairs):
        raise Fault("a member twice")
    return members


def _number(text):
    if not math.isfinite(float(text)):
        raise Fault("a number out of range")
    # configuration.md: minus nothing is no whole number.
    if re.fullmatch(r"-?[0-9]+", text) and text != "-0":
        return int(text)
    return float(text)


def _constant(text):
    raise Fault(text)


def read_object(data):
    """The object that these bytes are, or `Fault`."""
    try:
        value = json.loads(
            data.decode(), object_pairs_hook=_members, parse_float=_number, parse_int=_number, parse_constant=_constant
        )
    except (ValueError, RecursionError) as fault:
        raise Fault(str(fault)) from None
    if type(value) is not dict:
        raise Fault("no object")
    _check(value, 1)
    return value


def _check(value, depth):
    if type(value) is str:
        try:
            value.encode()
        except UnicodeEncodeError:
            raise Fault("half a surrogate pair") from None
    elif type(value) in (dict, list):
        if depth > DEEPEST:
            raise Fault("too deep")
        for inner in value:
            _check(inner, depth + 1)
            if type(value) is dict:
                _check(value[inner], depth + 1)
