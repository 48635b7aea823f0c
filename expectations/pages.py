"""The look of the project's static pages, which load nothing."""

from __future__ import annotations

from html import escape

STYLE = """
:root { --line: #d9dee4; --soft: #f5f7f9; --text: #1d2733; --muted: #5f6b78;
        --good: #1a7f4b; --bad: #b3261e; --warn: #8a5a00; }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 76rem; padding: 2rem 1.5rem 4rem; color: var(--text);
       font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
h1 { font-size: 1.6rem; margin: 0 0 .25rem; } h2 { font-size: 1.15rem; margin: 2.25rem 0 .5rem; }
p { margin: .25rem 0 1rem; color: var(--muted); } a { color: #0b57a4; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .4rem .75rem .4rem 0;
         border-bottom: 1px solid var(--line); }
th { font-weight: 600; color: var(--muted); font-size: .85rem; white-space: nowrap; }
div.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
code { font: .88em ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
.mark { display: inline-block; min-width: 5.6rem; padding: .05rem .5rem; border-radius: .75rem;
        font-size: .8rem; font-weight: 600; text-align: center; background: var(--soft); }
.held { color: var(--good); background: #e6f4ec; }
.critical { color: #fff; background: var(--bad); }
.quarantine, .warning { color: var(--warn); background: #fdf1da; } .info { color: var(--muted); }
.runs span { display: inline-block; width: .7rem; height: .7rem; margin-right: .2rem;
             border-radius: 50%; background: var(--good); }
.runs span.failed { background: var(--bad); }
details { margin: .25rem 0; border-bottom: 1px solid var(--line); }
summary { cursor: pointer; padding: .5rem 0; font-weight: 600; }
.wide { overflow-x: auto; } figure { margin: 0; }
.plots { display: flex; flex-wrap: wrap; gap: 1.5rem; margin: 1.5rem 0; }
.plots figure { flex: 1 1 28rem; max-width: 54rem; }
.plots img { width: 100%; height: auto; }
summary small { font-weight: 400; color: var(--muted); margin-left: .75rem; }
"""


def mark(kind: str, text: str) -> str:
    """A coloured word: kind is held, critical, quarantine, warning or info."""
    return f'<span class="mark {kind}">{escape(text)}</span>'


def number(value: int | None) -> str:
    """A whole number, to the right; nothing for None."""
    return "" if value is None else f'<div class="number">{value:,}</div>'


def table(headings: str, rows: str) -> str:
    """A table; a heading that begins with # stands over numbers."""
    head = "".join(
        f'<th class="number">{escape(name[1:])}</th>'
        if name.startswith("#")
        else f"<th>{escape(name)}</th>"
        for name in headings.split(",")
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def row(*cells: str) -> str:
    """A row of cells, which are HTML."""
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def page(title: str, body: str) -> str:
    """A whole page; the body is HTML."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>"
        f"<body><h1>{escape(title)}</h1>{body}</body></html>\n"
    )
