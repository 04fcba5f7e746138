"""The presence timeline as SVG, for pages, print and files.

Rule 1: pure: strips in, text out; every word in it is escaped.
Rule 2: colour is never alone: solid, hatch, stripes, outline and dots differ in black and white too.
Rule 3: no style attributes and no scripts: it draws under the strictest content security policy.
"""

from __future__ import annotations

from html import escape
from zoneinfo import ZoneInfo

from coordinator.reports.cells import local_time
from coordinator.reports.strips import Strip, Strips

WIDTH = 420
HEIGHT = 18
LABELS = {
    "following": "Trực tuyến",
    "sound_only": "Chỉ tiếng",
    "signal_only": "Chỉ có tín hiệu",
    "unknown": "Không rõ có theo dõi",
    "absent": "Không kết nối",
    "outage": "Sự cố (không tính)",
    "break": "Giải lao (không tính)",
}
_FILL = {
    "following": 'fill="#2c7d52"',
    "sound_only": 'fill="url(#t-hatch)"',
    "signal_only": 'fill="url(#t-bars)"',
    "unknown": 'fill="#b9d8c6" stroke="#2c7d52"',
    "absent": 'fill="#fff" stroke="#a8181d" stroke-width="1.5"',
    "outage": 'fill="url(#t-cross)"',
    "break": 'fill="url(#t-dots)"',
}
_LINED = ("unknown", "absent")
PATTERNS = (
    '<defs><pattern id="t-hatch" width="5" height="5" patternUnits="userSpaceOnUse"'
    ' patternTransform="rotate(45)"><rect width="5" height="5" fill="#ffefcf"/>'
    '<path d="M0 0V5" stroke="#7d4c00" stroke-width="4"/></pattern>'
    '<pattern id="t-bars" width="4" height="4" patternUnits="userSpaceOnUse"><rect width="4" height="4"'
    ' fill="#fff"/><path d="M0 1H4" stroke="#174f8a" stroke-width="1.5"/></pattern>'
    '<pattern id="t-cross" width="6" height="6" patternUnits="userSpaceOnUse"><rect width="6" height="6"'
    ' fill="#ebe9e4"/><path d="M0 0L6 6M6 0L0 6" stroke="#505b66"/></pattern>'
    '<pattern id="t-dots" width="5" height="5" patternUnits="userSpaceOnUse"><rect width="5" height="5"'
    ' fill="#ebe9e4"/><circle cx="2.5" cy="2.5" r=".9" fill="#505b66"/></pattern></defs>'
)
_STEPS_MIN = (1, 2, 5, 10, 15, 30, 60, 120, 240, 480)
_OUTLINED = 5.0
_TICK = 'fill="#a8181d"'
_NARROWEST = 2.0  # a drop of seconds in a day must still be seen


def patterns() -> str:
    """The fills, once a page; the strips refer to them."""
    return f'<svg width="0" height="0" aria-hidden="true" class="t-patterns">{PATTERNS}</svg>'


def strip(one: Strip, length_ms: int) -> str:
    """One site's row, WIDTH by HEIGHT."""
    return (
        f'<svg class="timeline" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img"'
        f' preserveAspectRatio="none" aria-label="{escape(one.words())}">{_bars(one, length_ms)}</svg>'
    )


def axis(strips: Strips, zone: ZoneInfo) -> str:
    """The clock above the rows."""
    return (
        f'<svg class="timeline-axis" viewBox="0 0 {WIDTH} 20" width="{WIDTH}" height="20" role="img"'
        f' aria-label="Trục thời gian" font-size="16" fill="currentColor">{_hours(strips, zone)}</svg>'
    )


def legend() -> list[tuple[str, str]]:
    """(sample as SVG, its word) for each kind."""
    return [(_sample(kind), word) for kind, word in LABELS.items()]


def whole(strips: Strips, zone: ZoneInfo) -> str:
    """All sites with names, clock and legend as one picture: a file of its own."""
    left, row = 190, 22
    height = 30 + row * len(strips.sites) + 34
    rows = "".join(
        f'<text x="4" y="{42 + row * number}">{escape(one.name)}</text>'
        f'<g transform="translate({left} {29 + row * number})"><title>{escape(one.words())}</title>'
        f"{_bars(one, strips.length_ms)}</g>"
        for number, one in enumerate(strips.sites)
    )
    keys = "".join(
        f'<g transform="translate({10 + 150 * (place % 4)} {height - 32 + 16 * (place // 4)})">'
        f'{_rect(kind, 0, 26, 1, 11)}<text x="31" y="11" font-size="11">{escape(word)}</text></g>'
        for place, (kind, word) in enumerate(LABELS.items())
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {left + WIDTH + 10} {height}" font-size="13"'
        f' font-family="Segoe UI, Noto Sans, Liberation Sans, sans-serif" fill="#18212a">{PATTERNS}'
        f'<rect width="100%" height="100%" fill="#fff"/><g transform="translate({left} 6)" font-size="12">'
        f"{_hours(strips, zone)}</g>{rows}{keys}</svg>\n"
    )


def _bars(one: Strip, length_ms: int) -> str:
    if length_ms <= 0:
        return ""
    drawn = sorted(one.stretches, key=lambda stretch: stretch.kind in _LINED)  # outlines last, on top
    scale = WIDTH / length_ms
    return "".join(
        _rect(each.kind, each.start_ms * scale, max((each.end_ms - each.start_ms) * scale, _NARROWEST))
        for each in drawn
    )


def _rect(kind: str, x: float, width: float, y: float = 3, height: float = 12) -> str:
    if kind == "absent" and width < _OUTLINED:  # no room for an outline: a tick that stands out of the bar
        box = f'x="{x:.1f}" y="{y - 3:g}" width="{width:.1f}" height="{height + 6:g}"'
        return f'<rect class="t-absent" {box} {_TICK}/>'
    inset = 0.75 if kind in _LINED else 0
    width = max(width - 2 * inset, 0.5)
    return (
        f'<rect class="t-{kind}" x="{x + inset:.1f}" y="{y + inset:g}" width="{width:.1f}"'
        f' height="{height - 2 * inset:g}" {_FILL[kind]}/>'
    )


def _hours(strips: Strips, zone: ZoneInfo) -> str:
    if strips.started_ms is None or strips.length_ms <= 0:
        return ""
    step = next((m for m in _STEPS_MIN if strips.length_ms / (m * 60_000) <= 5), 480) * 60_000
    first = local_time(strips.started_ms, zone)
    into = (first.hour * 60 + first.minute) * 60_000 + first.second * 1000
    places = [0, *range(-into % step or step, strips.length_ms, step)]
    if len(places) > 1 and places[1] < step * 0.6:
        del places[1]
    return "".join(_hour(strips.started_ms + place, place / strips.length_ms, zone) for place in places)


def _hour(utc_ms: int, share: float, zone: ZoneInfo) -> str:
    anchor = "" if share == 0 else ' text-anchor="end"' if share > 0.96 else ' text-anchor="middle"'
    return f'<text x="{share * WIDTH:.0f}" y="14"{anchor}>{local_time(utc_ms, zone):%H:%M}</text>'


def _sample(kind: str) -> str:
    return f'<svg width="26" height="12" aria-hidden="true">{_rect(kind, 0, 26, 0)}</svg>'
