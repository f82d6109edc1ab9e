"""Firefox's own remote control, for the little that no page can do. It is spoken to only when a test has something to say."""

import json
import socket
from pathlib import Path


class Marionette:
    """Its messages are a length, a colon and JSON."""

    def __init__(self, profile):
        port = int((Path(profile) / "MarionetteActivePort").read_text())
        self._socket = socket.create_connection(("127.0.0.1", port), 20)
        self._file = self._socket.makefile("rb")
        self._read()

    def _read(self):
        length = b""
        while (byte := self._file.read(1)) != b":":
            assert byte, "Firefox hung up"
            length += byte
        return json.loads(self._file.read(int(length)))

    def _do(self, what, **arguments):
        text = json.dumps([0, 1, what, arguments])
        self._socket.sendall(f"{len(text)}:{text}".encode())
        _, _, error, result = self._read()
        assert error is None, error
        return result

    def run(self, script):
        """In the browser, not in a page."""
        self._do("Marionette:SetContext", value="chrome")
        self._do("WebDriver:ExecuteScript", script=f"return (async () => {{ {script} }})()", args=[])

    def __enter__(self):
        self._do("WebDriver:NewSession")
        return self

    def __exit__(self, *_):
        self._file.close()
        self._socket.close()
