"""What is asked for: which objects, over which transport, on how many connections."""

from dataclasses import dataclass

KIB, MIB = 1 << 10, 1 << 20

# Bytes of an object, and how many there are of it: together 110 MB, which each server is told to keep in memory.
SIZES = {"1k": (KIB, 10_000), "64k": (64 * KIB, 200), "1m": (MIB, 20), "64m": (64 * MIB, 1)}
QUICK_SIZES = {"1k": (KIB, 200), "64k": (64 * KIB, 20), "1m": (MIB, 4), "64m": (64 * MIB, 1)}

TRANSPORTS = {
    "http1": "HTTP/1.1",
    "tls": "HTTP/1.1 over TLS",
    "http2": "HTTP/2 over TLS",
}
# Requests under way on one HTTP/2 connection.
STREAMS = 10


@dataclass(frozen=True)
class Case:
    files: str
    transport: str
    connections: int
    seconds: int  # of load in each round
    part: int | None = None  # bytes of a range; None: the whole object

    @property
    def name(self):
        kind = "hits" if self.part is None else f"range-{self.part // KIB}k-of"
        return f"{kind}-{self.files}/{self.transport}/{self.connections}"

    @property
    def title(self):
        size = {"1k": "1 KiB", "64k": "64 KiB", "1m": "1 MiB", "64m": "64 MiB"}[self.files]
        if self.part is not None:
            size = f"{self.part // KIB} KiB out of {size}"
        return f"{size}, {TRANSPORTS[self.transport]}, {self.connections:,} connections"

    @property
    def quick_seconds(self):
        """A thousand handshakes, and 64 MiB, need more than a second on a machine that has other work to do."""
        return 6 if self.connections >= 1000 or self.is_large else 1

    def latency_seconds(self, seconds):
        """Of the round that single requests' times are taken from. All handshakes must end within it."""
        return 1 if self.connections < 1000 else seconds

    @property
    def size(self):
        """Bytes of an answer's body."""
        return self.part or SIZES[self.files][0]

    @property
    def streams(self):
        """HTTP/2 alone. Where bodies are large, more streams would only queue behind each other."""
        return STREAMS if self.size < MIB else 1

    @property
    def is_large(self):
        """A round may end before an answer does: bytes are counted, not requests."""
        return self.size > MIB


# With a thousand connections the handshakes are part of a round.
# 64 MiB on 64 connections would end no answer within a round; eight fill a core as well.
CASES = [
    case
    for transport in TRANSPORTS
    for case in (
        Case("1k", transport, 64, 3),
        Case("1k", transport, 1000, 3),
        Case("64k", transport, 64, 2),
        Case("1m", transport, 64, 2),
        Case("64m", transport, 8, 2),
        Case("64m", transport, 64, 2, part=64 * KIB),
    )
]
IDLE = "idle"
INSTRUCTIONS = "instructions"


def chosen(patterns):
    """Cases, and the names of the two measurements beside them, whose names begin with one of these."""
    wanted = lambda name: not patterns or any(name.startswith(pattern) for pattern in patterns)  # noqa: E731
    cases = [case for case in CASES if wanted(case.name)]
    others = [name for name in (IDLE, INSTRUCTIONS) if wanted(name)]
    if not cases and not others:
        known = "\n  ".join([*(case.name for case in CASES), IDLE, INSTRUCTIONS])
        raise SystemExit(f"no case begins with {' or '.join(f'`{pattern}`' for pattern in patterns)}. There are:\n  {known}")
    return cases, others
