"""All checks by name, in order. Each is called with a `lab.Check` and raises where something is not as it must be."""

import checks_show
import checks_tokens
import checks_uploads
import checks_windows

# In a private window too. WebKitGTK, when it is driven, has no other.
PRIVATE = ["02_every_kind_of_element", "05_film", "14_one_flight", "22_foreign_frame"]
# By https too, between `*.example.test` and `elsewhere.test`. WebKitGTK can be told neither where these names lead nor whom to trust.
SECURE = [
    "01_first_visit",
    "02_every_kind_of_element",
    "03_one_preflight",
    "04_cookie_without_worker",
    "14_one_flight",
    "19_logout",
    "22_foreign_frame",
    "25_upload",
    "27_links",
    "31_cookie",
]
MODULES = (checks_show, checks_tokens, checks_windows, checks_uploads)
ALL = {name.removeprefix("check_"): what for module in MODULES for name, what in sorted(vars(module).items()) if name.startswith("check_")}
