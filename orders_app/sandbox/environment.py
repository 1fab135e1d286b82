"""The environment: templates compile to code that asks the budget at each loop, call, operator, text and output."""

from __future__ import annotations

from typing import Any

from jinja2 import TemplateError, TemplateSyntaxError, nodes, pass_context
from jinja2.runtime import Context, LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.tests import TESTS
from jinja2.visitor import NodeTransformer

from orders_app.sandbox import comparing, texts
from orders_app.sandbox.budget import MAX_TEXT, budget_of
from orders_app.sandbox.filters import checked_number, filters

MAX_RANGE = 10_000
# Python's own bound for loops. Jinja's compiler takes minutes for some hundred.
MAX_NESTED = 20
# Filters that templates cannot spell: the compiler puts them where something can grow.
_EACH, _WEIGH, _CONCAT = "each item", "weigh", "concat"
_SLICE, _KEY, _COMPARE = "sliced part", "key to look up", "compare all"
_METHODS: tuple[tuple[type | tuple[type, ...], frozenset[str]], ...] = (
    (str, texts.METHODS),
    (dict, frozenset(("get", "items", "keys", "values", "copy"))),
    ((list, tuple), frozenset(("count", "index", "copy"))),
    ((int, float, bytes, type(None)), frozenset()),
)


class Environment(ImmutableSandboxedEnvironment):
    intercepted_binops = frozenset({"*", "**", "+", "-", "%", "/", "//"})

    def __init__(self) -> None:
        # Constants are not computed ahead: what compiles would escape the budget.
        super().__init__(autoescape=False, optimized=False, finalize=_written)
        self.globals = {"range": _range}
        own = {_EACH: _each, _WEIGH: _weigh, _CONCAT: _concat, _SLICE: _sliced, _KEY: _key}
        self.filters = {**filters(), **own, _COMPARE: comparing.compared}
        tests: Any = TESTS
        self.tests = {name: comparing.counted_test(name, test) for name, test in tests.items()}

    def _generate(self, source: nodes.Template, *args: Any, **options: Any) -> str:
        _check_nesting(source)
        return super()._generate(_Counting().visit(source), *args, **options)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        for kind, names in _METHODS:
            if isinstance(obj, kind):
                return attr in names
        return super().is_safe_attribute(obj, attr, value)

    def call(__self, __context: Context, __obj: Any, *args: Any, **named: Any) -> Any:
        budget = budget_of(__context)
        budget.charge()
        if (text := texts.owner_of(__obj)) is not None:
            made = texts.text_method(budget, text, __obj, *args, **named)
            if isinstance(made, (list, tuple)):
                budget.weigh(made)
            return made
        if isinstance(__obj, LoopContext):
            return super().call(__context, __obj, budget.each(args[0]), *args[1:], **named)
        result = super().call(__context, __obj, *args, **named)
        if isinstance(result, (list, tuple, dict)):
            budget.weigh(result)
        return result

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        budget = budget_of(context)
        budget.charge()
        if operator == "%" and isinstance(left, str):
            return texts.percent_formatted(budget, left, right)
        if operator == "**" or _too_big(operator, left, right):
            raise TemplateError("the result is too large")
        checked_number(left)
        checked_number(right)
        result = checked_number(super().call_binop(context, operator, left, right))
        if isinstance(result, (list, tuple)):
            budget.weigh(result)
        return budget.write(result) if isinstance(result, str) else result


def _too_big(operator: str, left: Any, right: Any) -> bool:
    if operator == "*":
        for many, what in ((left, right), (right, left)):
            if isinstance(many, int) and hasattr(what, "__len__") and many * len(what) > MAX_TEXT:
                return True
        return (
            isinstance(left, int) and isinstance(right, int) and left.bit_length() + right.bit_length() > 4096
        )
    sized = operator == "+" and hasattr(left, "__len__") and hasattr(right, "__len__")
    return sized and len(left) + len(right) > MAX_TEXT


def _check_nesting(template: nodes.Template) -> None:
    waiting: list[tuple[nodes.Node, int]] = [(template, 0)]
    while waiting:
        node, depth = waiting.pop()
        if depth > MAX_NESTED:
            raise TemplateSyntaxError(f"blocks are nested deeper than {MAX_NESTED}", node.lineno)
        below = depth + (isinstance(node, nodes.Stmt) and not isinstance(node, nodes.Output))
        waiting += ((child, below) for child in node.iter_child_nodes())


class _Counting(NodeTransformer):
    """Puts the budget's questions into a parsed template."""

    def visit_For(self, node: nodes.For) -> nodes.Node:
        self.generic_visit(node)
        node.iter = _filtered(node.iter, _EACH)
        return node

    def visit_TemplateData(self, node: nodes.TemplateData) -> nodes.Node:
        """A template's own text is written as often as its loops turn. As a value it passes `_written`."""
        return nodes.MarkSafeIfAutoescape(nodes.Const(node.data, lineno=node.lineno), lineno=node.lineno)

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:
        self.generic_visit(node)
        return _filtered(nodes.List(node.nodes, lineno=node.lineno), _CONCAT)

    def visit_List(self, node: nodes.List) -> nodes.Node:
        self.generic_visit(node)
        return _filtered(node, _WEIGH)

    def visit_Dict(self, node: nodes.Dict) -> nodes.Node:
        self.generic_visit(node)
        return _filtered(node, _WEIGH)

    def visit_Tuple(self, node: nodes.Tuple) -> nodes.Node:
        self.generic_visit(node)
        return _filtered(node, _WEIGH) if node.ctx == "load" else node

    def visit_Getitem(self, node: nodes.Getitem) -> nodes.Node:
        self.generic_visit(node)
        if isinstance(node.arg, nodes.Slice):
            return _filtered(node, _SLICE)
        if not isinstance(node.arg, nodes.Const):
            node.arg = _filtered(node.arg, _KEY)
        return node

    def visit_Compare(self, node: nodes.Compare) -> nodes.Node:
        """Goes to `comparing`, which sees both sides first. Of a chain, all sides are computed."""
        self.generic_visit(node)
        rest: list[nodes.Expr] = []
        for operand in node.ops:
            rest += (nodes.Const(operand.op, lineno=node.lineno), operand.expr)
        return nodes.Filter(node.expr, _COMPARE, rest, [], None, None, lineno=node.lineno)

    def visit_Name(self, node: nodes.Name) -> nodes.Node:
        """A macro's own lists, built at each call."""
        grows = node.ctx == "load" and node.name in ("varargs", "kwargs")
        return _filtered(node, _WEIGH) if grows else node


def _filtered(node: nodes.Node, name: str) -> nodes.Filter:
    return nodes.Filter(node, name, [], [], None, None, lineno=node.lineno)


def _range(*bounds: int) -> range:
    found = range(*bounds)
    if len(found) > MAX_RANGE:
        raise TemplateError(f"a range has at most {MAX_RANGE} numbers")
    return found


@pass_context
def _written(context: Context, value: Any) -> str:
    """What leaves as output or into a capture."""
    budget = budget_of(context)
    budget.weigh(value, MAX_TEXT)
    return budget.write(value if isinstance(value, str) else str(value))


@pass_context
def _each(context: Context, items: Any) -> Any:
    return budget_of(context).each(items)


@pass_context
def _weigh(context: Context, value: Any) -> Any:
    budget_of(context).weigh(value)
    return value


@pass_context
def _sliced(context: Context, part: Any) -> Any:
    budget = budget_of(context)
    if isinstance(part, str):
        return budget.write(part)
    budget.weigh(part)
    budget.charge()
    return part


@pass_context
def _key(context: Context, key: Any) -> Any:
    """Looking up hashes a tuple anew each time."""
    budget = budget_of(context)
    if isinstance(key, tuple):
        budget.weigh(key)
    budget.charge()
    return key


@pass_context
def _concat(context: Context, parts: list[Any]) -> str:
    return texts.joined(budget_of(context), "", parts)
