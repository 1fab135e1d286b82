"""A lifecycle as inline SVG: drawn here, so that the page asks nobody else for anything. Pure.

Colours come from admin.css by class, so that they follow the light and the dark theme.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from html import escape

from orders_app.lifecycles.spec import LifecycleSpec

WIDTH, HEIGHT, GAP_X, GAP_Y, MARGIN = 132, 44, 56, 30, 12
Places = Mapping[str, tuple[int, int]]
ARROW = (
    '<defs><marker id="gw-arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" '
    'orient="auto"><path d="M0 0L8 4L0 8z"/></marker></defs>'
)


def lifecycle_svg(spec: LifecycleSpec, *, current: str = "", visited: Collection[str] = ()) -> str:
    """A standalone <svg>: states from left to right, `current` marked, those `visited` before tinted."""
    ranks = _ranks(spec)
    places = _places(ranks)
    width = max(x for x, _ in places.values()) + WIDTH + MARGIN
    edges = [(state, to) for state, targets in spec.transitions.items() for to in targets]
    room = GAP_Y if any(_goes_below(places[state], places[to]) for state, to in edges) else 0
    height = max(y for _, y in places.values()) + HEIGHT + MARGIN + room
    lines = "".join(_edge(spec, places, state, to) for state, to in edges)
    nodes = "".join(_node(spec, state, places[state], current, visited) for state in spec.states)
    return (
        f'<svg class="gw-lifecycle" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" role="img"><title>{escape(_title(spec, current))}</title>'
        f"{ARROW}{lines}{nodes}</svg>"
    )


def _title(spec: LifecycleSpec, current: str) -> str:
    return f"{spec.name}: now {current}" if current else spec.name


def _ranks(spec: LifecycleSpec) -> dict[str, int]:
    """The shortest way from the initial state; a state that nothing leads to stands behind all others."""
    ranks, queue = {spec.initial: 0}, [spec.initial]
    for state in queue:
        for to in spec.allowed(state):
            if to not in ranks:
                ranks[to] = ranks[state] + 1
                queue.append(to)
    last = max(ranks.values()) + 1
    return {state: ranks.get(state, last) for state in spec.states}


def _places(ranks: Mapping[str, int]) -> dict[str, tuple[int, int]]:
    """The upper left corner of every state: a column for each rank."""
    filled: dict[int, int] = {}
    places = {}
    for state, rank in ranks.items():
        row = filled.get(rank, 0)
        filled[rank] = row + 1
        places[state] = (MARGIN + rank * (WIDTH + GAP_X), MARGIN + row * (HEIGHT + GAP_Y))
    return places


def _node(
    spec: LifecycleSpec, state: str, place: tuple[int, int], current: str, visited: Collection[str]
) -> str:
    x, y = place
    classes = ["gw-state"]
    if state == current:
        classes.append("gw-current")
    elif state in visited:
        classes.append("gw-been")
    inner = ""
    if state in spec.terminal:
        inner = f'<rect x="{x + 3}" y="{y + 3}" width="{WIDTH - 6}" height="{HEIGHT - 6}" rx="7"/>'
    return (
        f'<g class="{" ".join(classes)}"><title>{escape(_hint(spec, state))}</title>'
        f'<rect x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="9"/>{inner}'
        f'<text x="{x + WIDTH // 2}" y="{y + HEIGHT // 2 + 4}" text-anchor="middle">'
        f"{escape(_short(state, 17))}</text></g>"
    )


def _hint(spec: LifecycleSpec, state: str) -> str:
    kinds = ("initial" if state == spec.initial else "", "final" if state in spec.terminal else "")
    return ", ".join([state, *(kind for kind in kinds if kind)])


def _goes_below(start: tuple[int, int], end: tuple[int, int]) -> bool:
    """Back, to itself, or past other states of the same line."""
    return end[0] <= start[0] or (end[1] == start[1] and end[0] - start[0] > WIDTH + GAP_X)


def _edge(spec: LifecycleSpec, places: Places, state: str, to: str) -> str:
    start, end = places[state], places[to]
    path = _below(*start, *end) if _goes_below(start, end) else _across(*start, *end)
    timeout = spec.timeout_of(state)
    timed = timeout is not None and timeout.to == to
    hint = f"{state} → {to}" + (f" after {timeout.after_seconds} s by itself" if timeout and timed else "")
    return (
        f'<path class="gw-edge{" gw-timed" if timed else ""}" d="{path}"><title>{escape(hint)}</title></path>'
    )


def _across(from_x: int, from_y: int, to_x: int, to_y: int) -> str:
    x1, y1, x2, y2 = from_x + WIDTH, from_y + HEIGHT // 2, to_x, to_y + HEIGHT // 2
    return f"M{x1} {y1}C{x1 + GAP_X // 2} {y1} {x2 - GAP_X // 2} {y2} {x2} {y2}"


def _below(from_x: int, from_y: int, to_x: int, to_y: int) -> str:
    """From the lower side of one state to the lower side of another."""
    x1, y1, x2, y2 = from_x + WIDTH // 2 - 10, from_y + HEIGHT, to_x + WIDTH // 2 + 10, to_y + HEIGHT
    low = max(y1, y2) + GAP_Y
    return f"M{x1} {y1}C{x1} {low} {x2} {low} {x2} {y2}"


def _short(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"
