"""Numbers, tables and a drawing for the written evaluation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

CURVE_FILE: Final = "evaluation-reliability.svg"  # beside the page
NOT_KNOWN: Final = "-"
_SIDE: Final = 320  # of the drawing, pixels
_MARGIN: Final = 44


def number(value: Any, digits: int = 3) -> str:
    """A number as text, a dash for None."""
    if value is None:
        return NOT_KNOWN
    return f"{value:,}" if isinstance(value, int) else f"{value:.{digits}f}"


def interval(part: Mapping[str, Any], name: str, digits: int = 3) -> str:
    """The 95 % interval of a figure, a dash where there is none."""
    edges = part.get("interval", {}).get(name)
    return NOT_KNOWN if edges is None else " to ".join(number(edge, digits) for edge in edges)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; all columns but the first are numbers."""
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [head, rule, *rows])


def figures_table(rows: Mapping[str, Mapping[str, Any]], columns: Mapping[str, str]) -> str:
    """One line a row; `columns` maps the key of a figure to its heading."""
    body = [
        [name.replace("_", " "), *(number(row.get(key)) for key in columns)]
        for name, row in rows.items()
    ]
    return table(["", *columns.values()], body)


def reliability_svg(rows: Sequence[Mapping[str, float]]) -> str:
    """Reliability curve: mean probability that was given against the share that failed.

    Parameters
    ----------
    rows : sequence of mappings
        `given`, `failed` and `windows` of each tenth. The area of a dot grows with its windows.
    """
    size = _SIDE + 2 * _MARGIN
    points = [(_x(row["given"]), _y(row["failed"]), row["windows"]) for row in rows]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y, _ in points)
    ticks = "".join(_tick(share / 4) for share in range(5))
    dots = "".join(
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{min(3 + windows**0.5 / 40, 9):.1f}" '
        'fill="#2563eb"/>'
        for x, y, windows in points
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size} {size}" width="{size}" '
        'font-family="sans-serif" font-size="12" fill="#6b7280">'
        f'<rect width="{size}" height="{size}" fill="#ffffff"/>{ticks}'
        f'<line x1="{_x(0)}" y1="{_y(0)}" x2="{_x(1)}" y2="{_y(1)}" stroke="#9ca3af" '
        'stroke-dasharray="4 4"/>'
        f'<polyline points="{path}" fill="none" stroke="#2563eb" stroke-width="2"/>{dots}'
        f'<text x="{size / 2}" y="{size - 8}" text-anchor="middle">failure probability given</text>'
        f'<text x="14" y="{size / 2}" text-anchor="middle" '
        f'transform="rotate(-90 14 {size / 2})">share that failed within 5 minutes</text></svg>\n'
    )


def _x(share: float) -> float:
    return _MARGIN + share * _SIDE


def _y(share: float) -> float:
    return _MARGIN + (1 - share) * _SIDE


def _tick(share: float) -> str:
    return (
        f'<line x1="{_x(share)}" y1="{_y(0)}" x2="{_x(share)}" y2="{_y(1)}" stroke="#e5e7eb"/>'
        f'<line x1="{_x(0)}" y1="{_y(share)}" x2="{_x(1)}" y2="{_y(share)}" stroke="#e5e7eb"/>'
        f'<text x="{_x(share)}" y="{_y(0) + 16}" text-anchor="middle">{share:g}</text>'
        f'<text x="{_x(0) - 6}" y="{_y(share) + 4}" text-anchor="end">{share:g}</text>'
    )
