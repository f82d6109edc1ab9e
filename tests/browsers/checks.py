"""All checks by name, in order. Each is called with a `lab.Check` and raises where something is not as it must be."""

import checks_show
import checks_tokens
import checks_windows

# In a private window too. WebKitGTK, when it is driven, has no other.
PRIVATE = ["02_every_kind_of_element", "05_film", "14_one_flight", "22_foreign_frame"]
MODULES = (checks_show, checks_tokens, checks_windows)
ALL = {name.removeprefix("check_"): what for module in MODULES for name, what in sorted(vars(module).items()) if name.startswith("check_")}
