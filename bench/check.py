"""What must be true before anything is measured: the right bytes, out of the cache, and to nobody who may not have them."""

import httpx

from cases import SIZES, TRANSPORTS
from fetch import connect
from server import Refused

# Passes over the objects after which a cache must hold them all. Some take an object only when it is asked for again.
PASSES = 5


def fill(lab, peer, names, most=None):
    """Asks for every object (the first `most` of a size) until a whole pass reaches the origin no more."""
    for _ in range(PASSES):
        before = lab.origin_requests()
        with connect(lab, peer.server, peer.transports[0]) as connection:
            for name in names:
                for place, path in lab.paths[name][:most]:
                    answer = connection.ask(lab.target(peer, place, path))
                    expect(peer, path, answer, 200, lab.bodies[name])
        if lab.origin_requests() == before:
            return
    raise Refused(f"{peer.title} does not keep the objects: the origin is still asked after {PASSES} passes")


def expect(peer, path, answer, status, body):
    if answer.status != status:
        raise Refused(f"{peer.title}: {answer.status}, not {status}, for {path}: {answer.body[:200]}\n{peer.server.said()}")
    if answer.body != body:
        raise Refused(f"{peer.title}: {len(answer.body)} bytes for {path} that are not the object's {len(body)}")


def check(lab, peer, cases):
    """Over every transport that will be measured. Gives the cases that it fails, each with the reason."""
    failed = {}
    for case in cases:
        try:
            with connect(lab, peer.server, case.transport) as connection:
                check_answer(lab, peer, case, connection)
        except Refused as reason:
            failed[case.name] = str(reason)
    if peer.token_in is not None:
        for transport in [transport for transport in TRANSPORTS if any(case.transport == transport for case in cases)]:
            check_refusals(lab, peer, transport)
    return failed


def check_answer(lab, peer, case, connection):
    place, path = lab.paths[case.files][-1]
    body = lab.bodies[case.files]
    header = lab.range_of(case)
    if header:
        first, last = map(int, header[0][1].removeprefix("bytes=").split("-"))
        body = body[first : last + 1]
    before = lab.origin_requests()
    try:
        answer = connection.ask(lab.target(peer, place, path), headers=header)
    except (OSError, httpx.HTTPError) as error:
        raise Refused(f"{peer.title}, {case.name}: {error!r}\n{peer.server.said()}") from error
    expect(peer, f"{path} ({case.name})", answer, 206 if header else 200, body)
    if lab.origin_requests() != before:
        raise Refused(f"{peer.title} asked the origin for {case.name}")


def check_refusals(lab, peer, transport):
    """Without a token, with one whose signature is not its own, and with one for another workspace."""
    name = next(name for name in SIZES if name in lab.paths)
    place, path = lab.paths[name][0]
    token = lab.tokens[place][0]
    forged = lab.tokens[place][1].rsplit(".", 1)[0] + "." + token.rsplit(".", 1)[1]
    attempts = {"no token": path, "a forged token": f"{path}?{peer.token_in}={forged}"}
    if peer.binds_path:
        attempts["another workspace's token"] = f"{path}?{peer.token_in}={lab.tokens[place - 1][0]}"
    for what, target in attempts.items():
        with connect(lab, peer.server, transport) as connection:
            status = connection.ask(target).status
        if status not in (401, 403, 404):
            raise Refused(f"{peer.title} answers {status} to {what} over {TRANSPORTS[transport]}: it authorises nothing")
