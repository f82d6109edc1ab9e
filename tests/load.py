"""A load of reads on kept connections, from processes of its own, that remembers for each token when it last let somebody in."""

import multiprocessing
import re
import socket
import time
from urllib.parse import urlsplit

from http1 import request

STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")
LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)


class Load:
    """Reads `path` with each token in turn, as fast as answers come. Times are of the clock that all processes share."""

    def __init__(self, origin, path, tokens, processes=2):
        self.origin, self.path = origin, path
        context = multiprocessing.get_context("fork")
        self._stop, self._results = context.Event(), context.Queue()
        shares = [tokens[start::processes] for start in range(processes)]
        self._workers = [context.Process(target=self._work, args=(share,), daemon=True) for share in shares]

    def __enter__(self):
        self._started = time.monotonic()
        for worker in self._workers:
            worker.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self.seconds = time.monotonic() - self._started
        self.answers, self.last_sent, self.last_seen, self.refused = 0, {}, {}, set()
        for _ in self._workers:
            answers, sent, seen, refused = self._results.get(timeout=20)
            self.answers += answers
            self.last_sent.update(sent)
            self.last_seen.update(seen)
            self.refused |= refused
        for worker in self._workers:
            worker.join(10)

    @property
    def rate(self):
        return self.answers / self.seconds

    def _work(self, tokens):
        parts = urlsplit(self.origin)
        batch = b"".join(request(parts.netloc, self.path, token=token) for token in tokens)
        answers, last_sent, last_seen, refused = 0, {}, {}, set()
        with socket.create_connection((parts.hostname, parts.port), 20) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while not self._stop.is_set():
                sent = time.monotonic()
                connection.sendall(batch)
                statuses = read_all(connection, len(tokens))
                seen = time.monotonic()
                answers += len(statuses)
                for token, status in zip(tokens, statuses, strict=True):
                    if status == b"200":
                        last_sent[token], last_seen[token] = sent, seen
                    else:
                        refused.add((token, int(status)))
        self._results.put((answers, last_sent, last_seen, refused))


def read_all(connection, wanted):
    """The statuses of so many answers, each read to its end."""
    data, statuses, start = b"", [], 0
    while len(statuses) < wanted:
        end = data.find(b"\r\n\r\n", start)
        if end >= 0:
            head = data[start : end + 4]
            after = end + 4 + int(LENGTH.search(head).group(1))
            if after <= len(data):
                statuses.append(STATUS.match(head).group(1))
                start = after
                continue
        part = connection.recv(1 << 20)
        assert part, "the gateway hung up"
        data, start = data[start:] + part, 0
    return statuses
