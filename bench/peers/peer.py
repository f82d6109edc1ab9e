"""What all peers have in common."""

from cases import TRANSPORTS
from server import SERVER_CORE, Server

from processes import free_port


class Peer:
    name = ""
    title = ""
    # The query parameter that carries the token; None: it asks for none.
    token_in = None
    # Whether a token for one workspace is refused in another.
    binds_path = False
    transports = tuple(TRANSPORTS)
    # Why it has no more than these.
    without = ""
    # Cases that it cannot be asked for: how their names begin, and why.
    cannot = {}  # noqa: RUF012
    # Whether it can be run under valgrind, as one process.
    for_callgrind = False

    def __init__(self, lab, options):
        self.lab, self.options = lab, options
        self.server = None

    def takes(self, case):
        return case.transport in self.transports and not any(case.name.startswith(name) for name in self.cannot)

    def version(self):
        """As it names itself."""
        raise NotImplementedError

    def command(self, directory, plain, tls, wrapped):
        """Writes what it needs into `directory`; gives the command, and what to add to the environment. `plain` and `tls` are ports;
        `wrapped`: it runs under valgrind."""
        raise NotImplementedError

    def start(self, label=None, wrapper=()):
        directory = self.lab.directory / (label or self.name)
        directory.mkdir()
        plain, tls = free_port(), free_port()
        command, env = self.command(directory, plain, tls, bool(wrapper))
        ports = {transport: plain if transport == "http1" else tls for transport in self.transports}
        self.server = Server(self.name, SERVER_CORE, [*wrapper, *command], directory, ports, env)
        self.server.wait_until_ready()

    def stop(self):
        if self.server is not None:
            self.server.stop()
