"""A chain as inline SVG: drawn here, so that the page asks nobody else for anything. Pure.

Colours come from admin.css by class, so that they follow the light and the dark theme; every state is said in words
as well.
"""

from __future__ import annotations

from html import escape

from chains_app.definitions.dag import Graph, Node
from chains_app.definitions.layout import LONGEST_LABEL, PAD, SIDE, SLOT, Box, Line, Plan, plan, short

MARGIN, BEND = 12, 8
MARKS = {"completed": "✓", "running": "●", "failed": "✕", "skipped": "↷", "pending": "○"}
UNDONE = {"pending": "to be undone", "running": "being undone", "done": "undone", "failed": "undo failed"}
ENDED = ("completed", "failed", "cancelled", "timed_out")
ARROWS = "<defs>{}</defs>".format(
    "".join(
        f'<marker id="gw-way{kind}" class="gw-head{kind}" viewBox="0 0 8 8" refX="7.5" refY="4" markerWidth="8" '
        'markerHeight="8" markerUnits="userSpaceOnUse" orient="auto"><path d="M0 0L8 4L0 8z"/></marker>'
        for kind in ("", "-taken")
    )
)


def svg(graph: Graph) -> str:
    """A standalone <svg> of a chain, with the chains and branches inside it framed. All texts in it are escaped."""
    made = plan(graph)
    width, height = round(made.width + 2 * MARGIN), round(made.height + 2 * MARGIN)
    return (
        f'<svg class="gw-chain" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" role="img" aria-labelledby="gw-chain-title gw-chain-desc" '
        f'font-family="sans-serif" font-size="12" fill="currentColor">'
        f'<title id="gw-chain-title">{escape(_title(graph))}</title>'
        f'<desc id="gw-chain-desc">{escape(_words(graph, False))}</desc>{ARROWS}'
        f"{_drawn(made, MARGIN, MARGIN, False)}</svg>"
    )


def _title(graph: Graph) -> str:
    return f"{graph.name}: {graph.status.replace('_', ' ')}" if graph.status else graph.name


def _words(graph: Graph, ended: bool) -> str:
    """The picture in words: every step with its state, what is inside it in parentheses."""
    ended = ended or graph.status in ENDED
    return "; ".join(_node_words(node, ended) for node in graph.nodes)


def _node_words(node: Node, ended: bool) -> str:
    inside = f" ({_words(node.inside, ended)})" if node.inside else ""
    state = f", {state_of(node, ended)}" if node.status else ""
    return f"{node.step.name}, {_what(node)}{state}{inside}"


def state_of(node: Node, ended: bool) -> str:
    """The step's state in words. What a run that has ended never came to is no longer pending; what was called
    and is not settled waits: to be tried again, or for a person."""
    word = node.status
    if word == "pending" and node.begun:
        word = "not completed" if ended else "waits"
    elif word == "pending" and ended:
        word = "not taken"
    return f"{word}, {UNDONE[node.undo]}" if node.undo in UNDONE else word


def _look(node: Node, ended: bool) -> str:
    """The state that colours the box: what was undone does not look done."""
    if node.undo in UNDONE:
        return {"failed": "failed", "done": "undone"}.get(node.undo, "running")
    waits = node.status == "pending" and node.begun and not ended
    return "running" if waits else node.status or "plain"


def _what(node: Node) -> str:
    step = node.step
    if step.timer:
        return f"waits {step.timer.seconds:g} s" if step.timer.seconds is not None else "waits until a time"
    if step.wait_for_signal:
        return f"waits for the signal {step.wait_for_signal.signal}"
    if step.parallel:
        return f"side by side, {step.parallel.join} must complete"
    return f"sub-chain {step.sub_chain}" if step.sub_chain else f"{step.provider} · {step.action_type}"


def _drawn(made: Plan, x: float, y: float, ended: bool) -> str:
    ended = ended or made.graph.status in ENDED
    # The way that was taken lies above the others.
    lines = "".join(_line(line) for line in sorted(made.lines, key=lambda line: line.taken))
    boxes = "".join(_box(box, ended) for box in made.boxes.values())
    labels = "".join(_labels(line) for line in made.lines)
    return f'<g transform="translate({x:g} {y:g})">{lines}{boxes}{labels}</g>'


def _box(box: Box, ended: bool) -> str:
    node, x, y = box.node, box.x, box.y
    state = state_of(node, ended)
    classes = f"gw-node gw-is-{_look(node, ended)}{' gw-frame' if box.inside else ''}"
    hint = ", ".join(part for part in (node.step.name, _what(node), state) if part)
    room = box.width - 2 * PAD
    texts = _text("gw-name", x + PAD, y + 20, short(node.step.name, int(room / 7)))
    texts += _text("gw-what", x + PAD, y + 37, short(_what(node), int(room / 6)))
    if state:
        mark = "↶" if node.undo in UNDONE else MARKS.get(_look(node, ended), "")
        texts += _text("gw-status", x + PAD, y + 55, f"{mark} {state}")
    inside = ""
    if box.inside:
        left = x + (box.width - box.inside.width) / 2
        inside = _drawn(box.inside, left, box.bottom - PAD - box.inside.height, ended)
    dashes = ' stroke-dasharray="5 4"' if node.kind not in ("step", "sub_chain", "parallel") else ""
    return (
        f'<g class="{classes}"><title>{escape(hint)}</title><rect x="{x:g}" y="{y:g}" width="{box.width:g}" '
        f'height="{box.height:g}" rx="9" fill="none" stroke="currentColor"{dashes}/>{texts}{inside}</g>'
    )


def _text(kind: str, x: float, y: float, text: str) -> str:
    return f'<text class="{kind}" x="{x:g}" y="{y:g}">{escape(text)}</text>'


def _line(line: Line) -> str:
    kind = "-taken" if line.taken else ""
    return (
        f'<path class="gw-way{kind}" d="{_path(line)}" fill="none" stroke="currentColor" '
        f'stroke-width="{2.4 if line.taken else 1.2}" marker-end="url(#gw-way{kind})"/>'
    )


def _path(line: Line) -> str:
    source, target = line.source, line.target
    if line.lane_x is None:
        curve = f"C{source.middle:g} {line.turn_y:g} {target.middle:g} {line.gap_y:g} {target.middle:g} "
        return f"M{source.middle:g} {source.bottom:g}V{line.gap_y:g}{curve}{line.turn_y:g}V{target.y:g}"
    x, lane, end = source.middle + SIDE, line.lane_x, target.middle + SIDE
    return (
        f"M{x:g} {source.bottom:g}V{line.turn_y - BEND:g}q0 {BEND} {BEND} {BEND}H{lane - BEND:g}"
        f"q{BEND} 0 {BEND} {BEND}V{line.enter_y - BEND:g}q0 {BEND} -{BEND} {BEND}H{end + BEND:g}"
        f"q-{BEND} 0 -{BEND} {BEND}V{target.y:g}"
    )


def _labels(line: Line) -> str:
    """Beside the line: above where it leaves for its lane, or under one another on its way down."""
    if line.lane_x is not None:
        taken = any(taken for _, taken in line.labels)
        return (
            _label(line.source.middle + SIDE + 10, line.turn_y - 4, line.text, taken) if line.labels else ""
        )
    return "".join(
        _label(line.target.middle + 8, line.turn_y + 12 + number * SLOT, short(label, LONGEST_LABEL), taken)
        for number, (label, taken) in enumerate(line.labels)
    )


def _label(x: float, y: float, text: str, taken: bool) -> str:
    return _text(f"gw-label{' gw-label-taken' if taken else ''}", x, y, text)
