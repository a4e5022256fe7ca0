"""Draws the processor time of the servers as a picture (SVG): a group of bars for each load, as multiples
of hand epoll. Its colours suit a light and a dark page."""

import html

import servers

LOADS = ("echo", "line", "bulk", "connect")
BAR, GAP, LABELS, WIDTH, TEXT = 15, 22, 130, 420, 90
LONGEST = 3.0  # hand epolls; a longer bar is cut, with an arrow before its figure

STYLE = """
text { font: 12px system-ui, sans-serif; fill: #24292f }
.title { font-weight: 600 }
.floor { stroke: #57606a; stroke-dasharray: 3 3 }
.bar { fill: #8c959f } .torc { fill: #0969da }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 } .floor { stroke: #9198a1 } .bar { fill: #656c76 } .torc { fill: #4493f8 }
}
"""


def text(x, y, words, kind=""):
    return f'<text x="{x:g}" y="{y:g}"{f""" class="{kind}" """.rstrip() if kind else ""}>{html.escape(words)}</text>'


def bar(y, row):
    ratio = row["median"]
    length = min(ratio, LONGEST) / LONGEST * WIDTH
    kind = "torc" if row["peer"] == "torc" else "bar"
    beside = LABELS + max(length, WIDTH / LONGEST) + 6  # the line keeps clear of the figures
    return [text(0, y + BAR - 3, row["way"]),
            f'<rect class="{kind}" x="{LABELS}" y="{y}" width="{length:.1f}" height="{BAR - 2}" rx="2"/>',
            text(beside, y + BAR - 3, f"{'→ ' if ratio > LONGEST else ''}{ratio:.2f}")]


def group(y, load, rows):
    """The bars of a load, and where the next group begins."""
    parts = [text(0, y + 12, servers.LOADS[load].title, "title")]
    top = y + GAP - 2
    for number, row in enumerate(rows):
        parts += bar(top + number * BAR, row)
    bottom = top + len(rows) * BAR
    one = LABELS + WIDTH / LONGEST
    parts.append(f'<line class="floor" x1="{one:g}" x2="{one:g}" y1="{top - 2}" y2="{bottom}"/>')
    return parts, bottom + GAP


def draw(report):
    ratios = [row for row in report["rows"] if row.get("metric") == "ratio" and row["peer"] != servers.FLOOR]
    parts, y = [text(0, 14, "Processor time of the server per message; the dashed line is hand-written epoll")], 30
    for load in LOADS:
        rows = [row for row in ratios if row["benchmark"] == load]
        if rows:
            more, y = group(y, load, rows)
            parts += more
    where = report["machine"]
    parts.append(text(0, y, f"{report['date'][:10]}, {where['cores']} cores, {where['processor']}, {where['system']}"))
    width, height = LABELS + WIDTH + TEXT, y + 8
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
            f'role="img">\n<title>Processor time per message, Torc and its peers</title>\n<style>{STYLE}</style>\n'
            + "\n".join(parts) + "\n</svg>\n")
