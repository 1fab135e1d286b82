"""The shape of a chain: names, targets, cycles, steps that nothing reaches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from chains_app.definitions.model import END, Definition, Step, all_steps
from chains_app.definitions.reader import Problems, suggestion


def check(definition: Definition, problems: Problems) -> bool:
    """Adds what is wrong with the shape; asks no further where names or targets are already wrong.

    True where nothing is: every step has a name, and what may follow it can be told.
    """
    before = len(problems.found)
    _check_names(definition, problems)
    _check_targets(definition, problems)
    if len(problems.found) > before or not all(step.name for step in definition.steps):
        return False
    edges = successors(definition)
    cycle = find_cycle(edges)
    if cycle:
        problems.add("steps", f"the steps go round in a circle: {' -> '.join(cycle)}")
    for name in _unreachable(definition, edges):
        problems.add(f"steps[{definition.index_of(name)}]", f'nothing leads to step "{name}"')
    return len(problems.found) == before


def successors(definition: Definition) -> dict[str, tuple[str, ...]]:
    """Per step the names of all that may follow it, the likeliest reading order kept."""
    return {step.name: tuple(dict.fromkeys(_following(definition, step))) for step in definition.steps}


def predecessors(definition: Definition) -> dict[str, frozenset[str]]:
    """Per step the names of all that may have run before it, on one path or another."""
    before: dict[str, set[str]] = {step.name: set() for step in definition.steps}
    edges = successors(definition)
    for start in before:
        for name in reachable(edges, edges[start]):
            before[name].add(start)
    return {name: frozenset(names) for name, names in before.items()}


def reachable(edges: Mapping[str, tuple[str, ...]], starts: Iterable[str]) -> set[str]:
    """These names and all that the edges lead to from them."""
    reached: set[str] = set()
    waiting = list(starts)
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting.extend(edges[name])
    return reached


def _following(definition: Definition, step: Step) -> Iterator[str]:
    targets = [definition.resolve(branch.target) for branch in step.branches]
    yield from (name for name in [*targets, definition.next_name(step)] if name)


def find_cycle(edges: Mapping[str, tuple[str, ...]]) -> list[str]:
    """One cycle as the names along it, the first repeated at the end; [] where there is none."""
    finished: set[str] = set()
    for root in edges:
        path: list[str] = []
        stack: list[Iterator[str]] = [iter((root,))]
        while stack:
            name = next(stack[-1], None)
            if name is None:
                stack.pop()
                if path:
                    finished.add(path.pop())
            elif name in path:
                return [*path[path.index(name) :], name]
            elif name not in finished:
                path.append(name)
                stack.append(iter(edges.get(name, ())))
    return []


def _unreachable(definition: Definition, edges: Mapping[str, tuple[str, ...]]) -> list[str]:
    reached = reachable(edges, (step.name for step in definition.steps[:1]))
    return [step.name for step in definition.steps if step.name not in reached]


def _check_names(definition: Definition, problems: Problems) -> None:
    counts = Counter(step.name for step in all_steps(definition.steps) if step.name)
    for name in sorted(name for name, count in counts.items() if count > 1):
        problems.add("steps", f'the step name "{name}" is used {counts[name]} times')


def _check_targets(definition: Definition, problems: Problems) -> None:
    names = {step.name for step in definition.steps}
    for index, step in enumerate(definition.steps):
        for number, branch in enumerate(step.branches):
            _check_target(branch.target, f"steps[{index}].branches[{number}].target", names, problems)
        if step.default_next:
            _check_target(step.default_next, f"steps[{index}].default_next", names, problems)


def _check_target(target: str, field: str, names: set[str], problems: Problems) -> None:
    if target and target != END and target not in names:
        problems.add(field, f'no step is called "{target}"{suggestion(target, names | {END})}')
