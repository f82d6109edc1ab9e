"""The list of checks. A check is a small function of an `S3` whose docstring is what Amazon's documentation says, beginning with
the operation; it raises where the server does otherwise. Its name is its module's and its own: `objects.empty`."""

import importlib
import linecache
import pkgutil
import traceback
from dataclasses import dataclass
from typing import Callable


@dataclass(frozen=True)
class Check:
    name: str
    says: str
    run: Callable


_found = []


def check(function):
    return check_as(function.__name__, function.__doc__)(function)


def check_as(name, says):
    """For checks that a loop makes."""

    def register(function):
        _found.append(Check(f"{function.__module__.split('.')[-1]}.{name}", says, function))
        return function

    return register


def all_checks():
    import checks

    for module in pkgutil.iter_modules(checks.__path__):
        importlib.import_module(f"checks.{module.name}")
    names = [found.name for found in _found]
    assert len(names) == len(set(names)), "two checks of one name"
    return sorted(_found, key=lambda found: found.name)


def outcome(check, s3):
    """None where it holds; else what is wrong, in one line."""
    try:
        check.run(s3)
    except Exception as error:  # noqa: BLE001: whatever a server makes happen is a finding
        said = f"{type(error).__name__}: {error}" if str(error) else failed_line(error)
        return " ".join(said.split())[:400]
    return None


def failed_line(error):
    """The assertion itself, where it brings no words of its own."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return linecache.getline(frame.filename, frame.lineno).strip()
