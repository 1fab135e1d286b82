"""Where the boxes and lines of a chain's picture stand. Pure: numbers in, numbers out.

Steps stand in rows below one another. A line to the next row goes straight down; one that passes rows goes round
on the right in a lane of its own, so that no line runs through a box. The gap below a row has, from the top: the
lines that leave for a lane, the labels of those that go straight down, and the lines that come in from a lane.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from chains_app.definitions.dag import Graph, Node

WIDTH, HEAD, STATUS_LINE = 236, 48, 18
PAD, SPACE_X, GAP, FIRST_SLOT, SLOT, LANE = 14, 28, 36, 22, 17, 14
MOST_IN_ROW = 4
LETTER = 5.9  # the widest that a letter of a label is, on average
SIDE = 30  # how far from the middle the lines of lanes touch a box
LONGEST_LABEL = 40


@dataclass(slots=True)
class Box:
    node: Node
    width: float
    height: float
    inside: Plan | None
    row: int = 0
    x: float = 0
    y: float = 0

    @property
    def middle(self) -> float:
        return self.x + self.width / 2

    @property
    def bottom(self) -> float:
        return self.y + self.height


@dataclass(slots=True)
class Line:
    """All edges between the same two steps. `labels` pairs a text with whether that way was taken."""

    source: Box
    target: Box
    labels: list[tuple[str, bool]] = field(default_factory=list)
    taken: bool = False
    gap_y: float = 0  # where the gap below its source's row begins
    turn_y: float = (
        0  # where it leaves its source's gap for the lane; of a straight one: where it is below its target
    )
    enter_y: float = 0
    lane_x: float | None = None

    @property
    def straight(self) -> bool:
        return self.target.row == self.source.row + 1

    @property
    def text(self) -> str:
        return " or ".join(short(label, LONGEST_LABEL) for label, _ in self.labels)


@dataclass(slots=True)
class Plan:
    graph: Graph
    boxes: dict[str, Box]
    lines: list[Line]
    width: float = 0
    height: float = 0


def plan(graph: Graph) -> Plan:
    """The boxes and lines of a graph, from 0/0; what is inside a box has a plan of its own."""
    boxes = {node.step.name: _box(node) for node in graph.nodes}
    rows = _rows(graph, boxes)
    made = Plan(graph, boxes, _lines(graph, boxes))
    _place_columns(made, rows)
    _place_rows(made, rows)
    _place_lanes(made)
    made.width = max([made.width, *(_right_of(line) for line in made.lines)])
    return made


def short(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"


def _box(node: Node) -> Box:
    head = HEAD + (STATUS_LINE if node.status else 0)
    inside = plan(node.inside) if node.inside else None
    if inside is None:
        return Box(node, WIDTH, head, None)
    return Box(node, max(WIDTH, inside.width + 2 * PAD), head + inside.height + PAD, inside)


def _rows(graph: Graph, boxes: Mapping[str, Box]) -> list[list[Box]]:
    """By the longest way from the first step; a row that would be too wide goes on in the next."""
    ranks: dict[int, list[Box]] = {}
    for name, rank in _ranks(graph).items():
        ranks.setdefault(rank, []).append(boxes[name])
    rows = [
        whole[start : start + MOST_IN_ROW]
        for _, whole in sorted(ranks.items())
        for start in range(0, len(whole), MOST_IN_ROW)
    ]
    for number, row in enumerate(rows):
        for box in row:
            box.row = number
    return rows


def _ranks(graph: Graph) -> dict[str, int]:
    """A DAG of n nodes is settled after n rounds at the most."""
    ranks = {node.step.name: 0 for node in graph.nodes}
    for _ in ranks:
        before = dict(ranks)
        for edge in graph.edges:
            ranks[edge.target] = max(ranks[edge.target], ranks[edge.source] + 1)
        if ranks == before:
            break
    return ranks


def _lines(graph: Graph, boxes: Mapping[str, Box]) -> list[Line]:
    found: dict[tuple[str, str], Line] = {}
    for edge in graph.edges:
        pair = (edge.source, edge.target)
        line = found.setdefault(pair, Line(boxes[edge.source], boxes[edge.target]))
        line.taken = line.taken or edge.taken
        if edge.label:
            line.labels.append((edge.label, edge.taken))
    return list(found.values())


def _place_columns(made: Plan, rows: list[list[Box]]) -> None:
    """Every row in the middle of the widest."""
    widths = [sum(box.width for box in row) + SPACE_X * (len(row) - 1) for row in rows]
    made.width = max(widths, default=0)
    for row, width in zip(rows, widths, strict=True):
        x = (made.width - width) / 2
        for box in row:
            box.x, x = x, x + box.width + SPACE_X


def _place_rows(made: Plan, rows: list[list[Box]]) -> None:
    y = 0.0
    for number, row in enumerate(rows):
        for box in row:
            box.y = y
        made.height = max(box.bottom for box in row)
        y = _place_gap(made, number, made.height)


def _place_gap(made: Plan, row: int, top: float) -> float:
    """Give every line in the gap below this row its height; answers where the next row begins."""
    y = top + FIRST_SLOT
    leaving = [line for line in made.lines if line.source.row == row]
    straight = [line for line in leaving if line.straight]
    for line in leaving:
        line.gap_y, line.turn_y = top, y
        y += 0 if line.straight else SLOT
    slanting = any(line.source.middle != line.target.middle for line in straight)
    for line in straight:
        # Below what leaves for the lanes, so that no line runs through their labels.
        line.gap_y, line.turn_y = y - FIRST_SLOT / 2, y + (SLOT if slanting else 0)
    y += SLOT if slanting else 0
    y += SLOT * max((len(line.labels) for line in straight), default=0)
    entering: dict[int, float] = {}
    for line in made.lines:
        if line.target.row == row + 1 and not line.straight:
            if id(line.target) not in entering:
                entering[id(line.target)], y = y + SLOT / 2, y + SLOT
            line.enter_y = entering[id(line.target)]
    return max(y + SLOT, top + (GAP if straight or entering else SLOT))


def _place_lanes(made: Plan) -> None:
    """A lane is free again below the row where its last line came in."""
    lines = sorted((line for line in made.lines if not line.straight), key=lambda line: line.source.row)
    first = max([made.width + PAD, *(line.source.middle + SIDE + _label_width(line) for line in lines)])
    ends: list[int] = []
    for line in lines:
        lane = next((number for number, end in enumerate(ends) if end < line.source.row), len(ends))
        ends[lane : lane + 1] = [line.target.row - 1]
        line.lane_x = first + lane * LANE


def _label_width(line: Line) -> float:
    return len(line.text) * LETTER + 12


def _right_of(line: Line) -> float:
    if line.lane_x is not None:
        return line.lane_x + 4
    widest = max((len(short(label, LONGEST_LABEL)) for label, _ in line.labels), default=0)
    return line.target.middle + 8 + widest * LETTER
