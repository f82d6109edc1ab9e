"""What may be wrong. Pages of other origins."""

from breaker import refusal
from breaks.making import add, is_form, setting
from http1 import Answer

add(
    "every preflight is allowed",
    "cors",
    lambda a: (
        Answer(
            200,
            [
                ("access-control-allow-origin", a.header("origin") or "*"),
                ("access-control-allow-methods", "PUT"),
                ("access-control-allow-headers", "content-type"),
                ("access-control-max-age", "600"),
            ],
            b"",
        )
        if a.method == "OPTIONS"
        else None
    ),
)
add("preflights need a signature", "cors", lambda a: refusal(403, "AccessDenied") if a.method == "OPTIONS" else None)
add("every origin may read", "cors", None, lambda a, g: setting(g, "access-control-allow-origin", a.header("origin") or "*"))
add(
    "any origin is named",
    "cors",
    None,
    lambda a, g: setting(g, "access-control-allow-origin", a.header("origin")) if g.header("access-control-allow-origin") == "*" else None,
)
add(
    "every origin is a star",
    "cors",
    None,
    lambda a, g: setting(g, "access-control-allow-origin", "*") if g.header("access-control-allow-origin") else None,
)
add("refusals are for no page", "cors", None, lambda a, g: setting(g, "access-control-allow-origin", None) if g.status >= 400 else None)
add("the last rule counts", "cors", None, lambda a, g: setting(g, "access-control-max-age", "2") if g.header("access-control-max-age") else None)
add(
    "wildcards in origins are letters",
    "cors",
    None,
    lambda a, g: setting(g, "access-control-allow-origin", None) if "wild" in (a.header("origin") or "") else None,
)
add(
    "wildcards in headers are letters",
    "cors",
    None,
    lambda a, g: setattr(g, "status", 403) if "x-amz-date" in (a.header("access-control-request-headers") or "") else None,
)
add(
    "CORS rules are said and not kept",
    "cors",
    lambda a: Answer(200, [], b"") if a.method == "PUT" and a.parameter("cors") is not None and a.valid else None,
)
add("CORS rules cannot be deleted", "cors", lambda a: Answer(204, [], b"") if a.method == "DELETE" and a.parameter("cors") is not None else None)
add("any CORS rule is taken", "cors", None, lambda a, g: setattr(g, "status", 200) if a.parameter("cors") is not None and g.status == 400 else None)
add("a preflight without Origin is one", "cors", lambda a: Answer(200, [], b"") if a.method == "OPTIONS" and not a.header("origin") else None)
add(
    "a bucket without rules lets in",
    "cors",
    lambda a: (
        Answer(200, [], b"") if a.method == "OPTIONS" and a.path.endswith("/x") and a.header("access-control-request-method") == "GET" else None
    ),
)
add("preflights judge the query", "cors", lambda a: refusal(403, "AccessDenied") if a.method == "OPTIONS" and a.presigned else None)
add("forms are for no page", "cors", None, lambda a, g: setting(g, "access-control-allow-origin", None) if is_form(a) else None)
add("404 is for no page", "cors", None, lambda a, g: setting(g, "access-control-allow-origin", None) if g.status == 404 else None)
