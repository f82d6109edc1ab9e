"""Routes' patterns and keys: docs/reference/configuration.md, "Paths and placeholders"."""

import re

KINDS = {
    "uuid": r"[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}",
    "int": r"0|[1-9][0-9]{0,18}",
    "date": r"[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])",
    "slug": r"[a-z0-9]+(?:-[a-z0-9]+)*",
}
_RANK = {"uuid": 0, "int": 1, "date": 2, "slug": 3, None: 4}
_SEGMENT = re.compile(r"([^{}]*)\{([a-z][a-z0-9_]*)(?::([a-z]+))?(\.\.\.)?\}([^{}]*)", re.S)
_PLACEHOLDER = re.compile(r"\{([a-z][a-z0-9_]*)\}")


class Segment:
    def __init__(self, text):
        match = _SEGMENT.fullmatch(text)
        self.text = text if match is None else None
        if match is None:
            assert "{" not in text and "}" not in text, text
            # The more special, the smaller: compared segment by segment.
            self.rank = (0,)
            return
        self.before, self.name, self.kind, rest, self.after = match.groups()
        self.rest = rest is not None
        around = len((self.before + self.after).encode())
        if self.rest:
            self.rank = (3,)
        elif around:
            self.rank = (1, -around, _RANK[self.kind])
        else:
            self.rank = (2, _RANK[self.kind])

    def take(self, segment):
        """What the placeholder takes of a segment; "" of a text; None where the segment is not of this form."""
        if self.text is not None:
            return "" if segment == self.text else None
        if not (segment.startswith(self.before) and segment.endswith(self.after)):
            return None
        value = segment[len(self.before) : len(segment) - len(self.after)]
        if len(segment) <= len(self.before) + len(self.after) or value in (".", ".."):
            return None
        if self.kind and not re.fullmatch(KINDS[self.kind], value, re.A):
            return None
        if self.kind == "int" and int(value) > 2**63 - 1:
            return None
        return value


class Pattern:
    def __init__(self, text):
        self.segments = [Segment(part) for part in text[1:].split("/")]
        self.kinds = {part.name: part.kind for part in self.segments if part.text is None}

    def match(self, path):
        """The placeholders' texts, or None."""
        parts = path[1:].split("/")
        values = {}
        for number, segment in enumerate(self.segments):
            if segment.text is None and segment.rest:
                if len(parts) <= number:
                    return None
                values[segment.name] = "/".join(parts[number:])
                return values
            if len(parts) <= number:
                return None
            taken = segment.take(parts[number])
            if taken is None:
                return None
            if segment.text is None:
                values[segment.name] = taken
        return values if len(parts) == len(self.segments) else None

    def rank(self):
        return [segment.rank for segment in self.segments]


def fill(template, values):
    """A text with its placeholders replaced; what looks like one in their texts is none."""
    return _PLACEHOLDER.sub(lambda match: values[match[1]], template)


def is_placeholder(template):
    """The name, where the text is a placeholder alone."""
    match = _PLACEHOLDER.fullmatch(template)
    return match[1] if match else None
