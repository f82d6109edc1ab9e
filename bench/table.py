"""The tables of a run, in Markdown: what was promised and what was measured, then every case."""

from cases import KIB, MIB, TRANSPORTS

# (what, the case it is read from, beside whom, by what figure, how many times it at least)
PROMISES = [
    ("1 KiB, HTTP/1.1", "hits-1k/http1/64", "nginx", 2.0),
    ("1 KiB, HTTP/1.1 over TLS", "hits-1k/tls/64", "nginx", 1.7),
    ("1 KiB, HTTP/2 over TLS", "hits-1k/http2/64", "nginx", 1.7),
    ("1 MiB, HTTP/1.1", "hits-1m/http1/64", "nginx", 1.0),
    ("1 MiB, HTTP/1.1 over TLS", "hits-1m/tls/64", "nginx", 1.7),
    ("1 MiB, HTTP/2 over TLS", "hits-1m/http2/64", "nginx", 1.4),
    ("1 KiB, HTTP/1.1", "hits-1k/http1/64", "nginx-njs", 4.0),
    ("1 KiB, HTTP/1.1", "hits-1k/http1/64", "envoy", 4.0),
    ("1 KiB, HTTP/1.1", "hits-1k/http1/64", "traffic-server", 4.0),
]
# Of a bare hyper server's instructions.
MOST_INSTRUCTIONS = 1.2
MINE = "edgepass"

FIGURES = [
    ("requests/s", "requests_per_second", lambda value: f"{value:,.0f}"),
    ("MiB/s", "bytes_per_second", lambda value: f"{value / MIB:,.0f}"),
    ("server's CPU for each request, µs", "cpu_micros_per_request", lambda value: f"{value:,.1f}"),
    ("p50, µs", "p50_micros", lambda value: f"{value:,.0f}"),
    ("p99, µs", "p99_micros", lambda value: f"{value:,.0f}"),
    ("server's core busy", "server_busy", lambda value: f"{value:.0%}"),
]


def report(record):
    """The whole of it. `record` is what the JSON file holds."""
    parts = [heading(record), promises(record), instructions(record)]
    parts += [figure_table(record, *figure) for figure in FIGURES]
    parts += [memory(record), notes(record)]
    return "\n\n".join(part for part in parts if part) + "\n"


def table(head, rows):
    lines = [f"| {' | '.join(head)} |", f"|---|{'---:|' * (len(head) - 1)}"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def heading(record):
    machine, settings = record["machine"], record["settings"]
    versions = ", ".join(dict.fromkeys(record["versions"].values()))
    text = (f"{record['at']}: {settings['rounds']} interleaved rounds, medians. {machine['processor']}, {machine['cores']} cores, "
            f"Linux {machine['kernel']}. {versions}; {machine['wrk']}, {machine['h2load']}.")  # fmt: skip
    return f"**A short run, to see that it works: its figures are worth nothing.**\n\n{text}" if settings["quick"] else text


def promises(record):
    rows = []
    for what, case, beside, least in PROMISES:
        sides = record["medians"].get(case, {})
        if MINE not in sides or beside not in sides:
            continue
        mine, theirs = sides[MINE], sides[beside]
        reached = mine["requests_per_second"] / theirs["requests_per_second"]
        by_cpu = theirs["cpu_micros_per_request"] / mine["cpu_micros_per_request"]
        rows.append([what, record["titles"][beside], f"{least} times", f"{reached:.2f}", f"{by_cpu:.2f}", judged(record, reached >= least)])
    for transport, sides in record["instructions"].items():
        if MINE in sides and "bare-hyper" in sides:
            ratio = sides[MINE] / sides["bare-hyper"]
            verdict = judged(record, ratio <= MOST_INSTRUCTIONS)
            if "kernel" not in record["instructions_are"]:
                verdict = "the bar counts the kernel's too"
            beside = record["titles"]["bare-hyper"]
            rows.append([f"1 KiB, {TRANSPORTS[transport]}, instructions", beside, f"at most {MOST_INSTRUCTIONS} times", f"{ratio:.2f}", "–", verdict])
    return table(["Edgepass", "beside", "bar", "measured", "by CPU", ""], rows) if rows else ""


def judged(record, reached):
    """A short run judges nothing."""
    if record["settings"]["quick"]:
        return "–"
    return "met" if reached else "missed"


def instructions(record):
    measured = record["instructions"]
    if not measured:
        return ""
    names = [name for name in record["titles"] if any(name in sides for sides in measured.values())]
    rows = [[record["titles"][name], *(cell(sides.get(name), "{:,.0f}".format) for sides in measured.values())] for name in names]
    head = [f"instructions for each request of 1 KiB, {record['instructions_are']}", *(TRANSPORTS[transport] for transport in measured)]
    return table(head, rows)


def figure_table(record, title, figure, form):
    rows = []
    for name, sides in record["medians"].items():
        cells = [cell(sides.get(peer, {}).get(figure), form) for peer in record["titles"]]
        if set(cells) != {"–"}:
            rows.append([record["cases"][name], *cells])
    return table([title, *record["titles"].values()], rows) if rows else ""


def cell(value, form):
    return "–" if value is None else form(value)


def memory(record):
    rows = []
    for name, filled in record["memory"].items():
        rest = record["idle"].get(name)
        cells = [f"{rest['connections']:,}", f"{rest['during'] / MIB:,.0f}", f"{rest['bytes_per_connection'] / KIB:,.1f}"] if rest else ["–"] * 3
        rows.append([record["titles"][name], f"{filled / MIB:,.0f}", *cells])
    head = ["memory", "caches filled, MiB", "TLS connections at rest", "then, MiB", "KiB for each"]
    return table(head, rows) if rows else ""


def notes(record):
    found = [one for rounds in record["rounds"].values() for each in rounds.values() for one in each]
    lines = [f"- {record['titles'][name]}: {why}." for name, reasons in record["without"].items() for why in reasons]
    lines += [f"- **No figure** for {record['titles'][peer]}, {name}: {reason}." for name, sides in record["refused"].items() for peer, reason in sides.items()]
    others = max((one["others_busy"] for one in found), default=0)
    if others > 0.05:
        lines.append(f"- **Disturbed**: other processes took up to {others:.0%} of the machine. Run it again when it is quiet.")
    idle = sorted({record["titles"][peer] for sides in record["medians"].values() for peer, one in sides.items() if one["server_busy"] < 0.93})
    if idle:
        lines.append(f"- The core of {', '.join(idle)} was not full in every case (the table of busy cores says in which): there the load generator was the limit, and CPU for each request is the measure.")
    return "\n".join(lines)
