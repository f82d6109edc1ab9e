"""The picture of a run, as SVG: six panels of bars, drawn for light and dark pages alike."""

from html import escape

from cases import KIB, MIB, TRANSPORTS

MINE, FLOOR = "edgepass", "bare-hyper"
COLOURS = {"mine": "#0f766e", "authorised": "#6b8fd6", "open": "#b3bac7", "floor": "#e3e6eb"}
LEGEND = [("mine", "Edgepass: token and path judged on every request"), ("authorised", "verifies a token"), ("open", "no authorisation"), ("floor", "bare hyper: the floor")]

WIDTH, MARGIN, GAP = 1180, 36, 28
LABELS, BAR, STEP = 128, 17, 25
TITLE_HEIGHT, PANEL_HEAD = 108, 44

# (title of the row, size, figure, how a value is written)
ROWS = [
    ("Cache hits of 1 KiB, thousand requests/s", "1k", "requests_per_second", lambda value: f"{value / 1000:,.1f}"),
    ("Cache hits of 1 MiB, GiB/s", "1m", "bytes_per_second", lambda value: f"{value / (KIB * MIB):,.2f}"),
]
NAMES = {
    "edgepass": "Edgepass", "nginx": "nginx", "nginx-njs": "nginx + njs", "envoy": "Envoy",
    "traffic-server": "Traffic Server", "varnish": "Varnish", "bare-hyper": "bare hyper",
}  # fmt: skip


def draw(record):
    """Nothing where no case of the picture was measured."""
    rows = [(title, form, panels(record, size, figure)) for title, size, figure, form in ROWS]
    rows = [row for row in rows if any(row[2].values())]
    if not rows:
        return ""
    parts, top = [header(record)], TITLE_HEIGHT
    for title, form, by_transport in rows:
        parts.append(f'<text x="{MARGIN}" y="{top}" class="row">{escape(title)}</text>')
        most = max(value for bars in by_transport.values() for _, value in bars)
        width = (WIDTH - 2 * MARGIN - 2 * GAP) / 3
        for number, (transport, bars) in enumerate(by_transport.items()):
            parts.append(panel(MARGIN + number * (width + GAP), top + 24, width, TRANSPORTS[transport], bars, most, form))
        top += PANEL_HEAD + STEP * max(map(len, by_transport.values())) + 34
    height = top + 26
    parts.append(legend(top - 4))
    style = STYLE
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" width="{WIDTH}" height="{height:.0f}" '
            f'role="img" aria-label="Cache hits of Edgepass beside other caches">\n<style>{style}</style>\n'
            f'<rect width="100%" height="100%" rx="10" class="page"/>\n' + "\n".join(parts) + "\n</svg>\n")  # fmt: skip


STYLE = """
text { font-family: system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; fill: #1f2937; font-size: 13px }
.page { fill: #ffffff } .title { font-size: 21px; font-weight: 650 } .row { font-size: 15px; font-weight: 650 }
.said, .panel, .value { fill: #5b6472 } .panel { font-size: 13px } .value { font-size: 12px; font-variant-numeric: tabular-nums }
.own { font-weight: 650; fill: #0f766e } .axis { stroke: #d5d9e0; stroke-width: 1 }
"""


def panels(record, size, figure):
    """By transport: (peer, value), most first; the floor at the end."""
    found = {}
    for transport in TRANSPORTS:
        sides = record["medians"].get(f"hits-{size}/{transport}/64", {})
        bars = [(name, side[figure]) for name, side in sides.items()]
        found[transport] = sorted(bars, key=lambda bar: (bar[0] == FLOOR, -bar[1]))
    return found


def header(record):
    machine = record["machine"]
    said = f"one core for the server, one for load and origin · {machine['processor']} · medians of {record['settings']['rounds']} interleaved rounds · 64 connections · {record['at'][:10]}"
    if record["settings"]["quick"]:
        said = f"A SHORT RUN, WHOSE FIGURES ARE WORTH NOTHING · {said}"
    return (f'<text x="{MARGIN}" y="44" class="title">Authorised cache hits beside other caches</text>\n'
            f'<text x="{MARGIN}" y="68" class="said">{escape(said)}</text>')  # fmt: skip


def panel(left, top, width, title, bars, most, form):
    parts = [f'<text x="{left:.0f}" y="{top}" class="panel">{escape(title)}</text>']
    zero, room = left + LABELS, width - LABELS - 52
    for number, (name, value) in enumerate(bars):
        middle = top + 26 + number * STEP
        own = " own" if name == MINE else ""
        length = max(1.5, room * value / most)
        parts.append(f'<text x="{zero - 8:.0f}" y="{middle + 4:.1f}" text-anchor="end" class="name{own}">{escape(NAMES[name])}</text>')
        parts.append(f'<rect x="{zero:.1f}" y="{middle - BAR / 2:.1f}" width="{length:.1f}" height="{BAR}" rx="2.5" fill="{COLOURS[kind(name)]}"/>')
        parts.append(f'<text x="{zero + length + 6:.1f}" y="{middle + 4:.1f}" class="value{own}">{form(value)}</text>')
    bottom = top + 26 + len(bars) * STEP - 8
    parts.append(f'<line x1="{zero:.1f}" y1="{top + 12}" x2="{zero:.1f}" y2="{bottom}" class="axis"/>')
    return "\n".join(parts)


def kind(name):
    if name in (MINE, FLOOR):
        return "mine" if name == MINE else "floor"
    return "open" if name in ("nginx", "varnish") else "authorised"


def legend(top):
    parts, left = [], MARGIN
    for colour, text in LEGEND:
        parts.append(f'<rect x="{left}" y="{top - 11}" width="13" height="13" rx="2.5" fill="{COLOURS[colour]}"/>')
        parts.append(f'<text x="{left + 19}" y="{top}" class="said">{escape(text)}</text>')
        left += 19 + round(len(text) * 6.9) + 26
    return "\n".join(parts)
