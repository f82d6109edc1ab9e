"""What may be wrong. Uploads by forms."""

import re

from breaker import refusal
from breaks.making import add, field, is_form, replaced, setting, skew, taken
from http1 import Answer


def edited(pattern, text):
    """A field that the store does not see as it is: its bytes stay as many, so that nothing else is another."""

    def request(asked):
        if is_form(asked):
            asked.raw_body = re.sub(pattern, lambda found: (text + b"x" * 99)[: len(found.group(0))], asked.raw_body, flags=re.DOTALL)

    return request


add("policies are not looked at", "forms", taken())
add("forms are not taken", "forms cors", lambda a: refusal(501, "NotImplemented") if is_form(a) else None)
add("forms need no proof", "forms", taken(lambda a: not field(a.raw_body, "policy")))
add(
    "forms grow old in 15 minutes",
    "forms",
    lambda a: refusal(403, "RequestTimeTooSkewed") if is_form(a) and abs(skew(field(a.raw_body, "x-amz-date") or "20200101T000000Z")) > 900 else None,
)
add(
    "a form's file name is not put in",
    "forms",
    None,
    lambda a, g: (
        [a.aside("DELETE", key.decode()) for key in re.findall(rb"<Key>([^<]*holiday.png)</Key>", a.aside("GET", query=[("list-type", "2")]).body)]
        if is_form(a)
        else None
    ),
)
add(
    "forms end at the first dashes",
    "forms",
    lambda a: (
        a.aside("PUT", field(a.raw_body, "key"), body=b"") and Answer(204, [], b"") if is_form(a) and b"\r\n--\r\n------\r\n" in a.raw_body else None
    ),
)
add(
    "files after the file are taken",
    "forms",
    None,
    lambda a, g: [a.aside("PUT", key.decode(), body=b"x") for key in re.findall(rb'name="key"\r\n\r\n(.*?)\r\n', a.raw_body)] if is_form(a) else None,
)
add(
    "unknown fields are refused",
    "forms",
    lambda a: refusal(403, "AccessDenied") if is_form(a) and (b"x-ignore" in a.raw_body or b"success_action" in a.raw_body) else None,
)
add("names of fields have one case", "forms", lambda a: refusal(403, "AccessDenied") if is_form(a) and b"X-Amz-" in a.raw_body else None)
add(
    "sizes are one off",
    "forms",
    lambda a: (
        refusal(400, "EntityTooSmall")
        if is_form(a) and b"\r\n\r\n12\r\n" in a.raw_body
        else refusal(400, "EntityTooLarge") if is_form(a) and b"\r\n\r\n12345\r\n" in a.raw_body else None
    ),
)
add(
    "an empty file is refused",
    "forms",
    lambda a: refusal(400, "EntityTooSmall") if is_form(a) and re.search(rb'filename="[^"]*"\r\n\r\n\r\n--', a.raw_body) else None,
)
add(
    "a redirect says nothing",
    "forms",
    None,
    lambda a, g: setting(g, "location", (g.header("location") or "").split("?")[0]) if g.status == 303 else None,
)
add(
    "any success_action_status is done",
    "forms",
    None,
    lambda a, g: setattr(g, "status", 418) if is_form(a) and b"\r\n418\r\n" in a.raw_body else None,
)
add("what is no form is 400", "forms", None, lambda a, g: replaced(g, 412, 400) if a.method == "POST" else None)
add("200 of a form has a body", "forms", None, lambda a, g: setattr(g, "body", b"<x/>") if is_form(a) and g.status == 200 else None)
