"""Memory of connections that rest: many over TLS, each after one request."""

import select

from cases import TRANSPORTS, Case
from fetch import TlsConnection, trust
from server import Refused
from http1 import request

TRANSPORT = "tls"


def rest(lab, peer, count):
    """Bytes for each connection, and how many of them were still open when the memory was read."""
    context = trust(lab.certificate)
    port = peer.server.ports[TRANSPORT]
    case = Case("1k", TRANSPORT, count, 0)
    questions = [request(f"127.0.0.1:{port}", target) for target in lab.targets(peer, case, 100)]
    before = peer.server.memory()
    connections = []
    try:
        for number in range(count):
            connection = TlsConnection(port, context, 30)
            connections.append(connection)
            connection.send(questions[number % len(questions)])
            answer = connection.receive()
            if answer.status != 200:
                raise Refused(f"{peer.title}, resting connections: {answer.status}")
        during = peer.server.memory()
        still_open = count - closed(connections)
    finally:
        for connection in connections:
            connection.close()
    if still_open < count * 0.99:
        raise Refused(f"{peer.title}: of {count:,} {TRANSPORTS[TRANSPORT]} connections {still_open:,} were open at the end: nothing to divide by")
    return {"connections": still_open, "before": before, "during": during, "bytes_per_connection": (during - before) / still_open}


def closed(connections):
    """How many the server has ended: only an end makes these readable."""
    poll = select.poll()
    for connection in connections:
        poll.register(connection.socket, select.POLLIN)
    return len(poll.poll(0))
