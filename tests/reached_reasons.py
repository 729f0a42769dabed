"""Finds in sources which reasons they bring about, and in tests which ones they assert."""

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

from tflite_api.reasons import Reason

_INPUTS = {"report", "succeeded_pod"}
"""Helpers of tests that take a reason as something given."""


def brought_about(files: Iterable[Path]) -> set[Reason]:
    """Return the reasons that sources use otherwise than to compare with them, or to list which ones are allowed."""
    return {reason for file in files for reason in _used(ast.parse(file.read_text()))}


def _used(node: ast.AST) -> Iterator[Reason]:
    if isinstance(node, ast.Compare | ast.MatchValue) or _is_a_list_of_allowed_ones(node):
        return
    yield from _named(node)
    for child in ast.iter_child_nodes(node):
        yield from _used(child)


def _is_a_list_of_allowed_ones(node: ast.AST) -> bool:
    name = node.func if isinstance(node, ast.Call) else node.value if isinstance(node, ast.Subscript) else None
    return isinstance(name, ast.Name) and name.id in {"frozenset", "Literal"}


def asserted(files: Iterable[Path]) -> set[Reason]:
    """Return the reasons that tests expect: in an assertion, in a case of its parameters, or in a table for it."""
    trees = [ast.parse(file.read_text()) for file in files]
    functions = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    helpers = {function.name for function in functions if not _is_test(function) and _asserts(function)}
    return {reason for tree in trees for reason in _expected(tree, helpers)}


def _is_test(function: ast.FunctionDef) -> bool:
    return function.name.startswith("test_")


def _asserts(function: ast.FunctionDef) -> bool:
    return any(
        isinstance(node, ast.Assert) or (isinstance(node, ast.Call) and _callee(node) == "raises")
        for node in ast.walk(function)
    )


def _expected(tree: ast.Module, helpers: set[str]) -> Iterator[Reason]:
    product = {
        alias.asname or alias.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tflite_")
        for alias in node.names
    }
    tables = {
        name: node.value
        for node in tree.body
        for name in _assigned(node)
        if isinstance(node, ast.Assign | ast.AnnAssign)
    }
    for test in ast.walk(tree):
        if not isinstance(test, ast.FunctionDef) or not _is_test(test):
            continue
        seen = [part for statement in ast.walk(test) for part in _assertions(statement, helpers)]
        found = [node for part in seen for node in _without_inputs(part, product)]
        names = {node.id for node in found if isinstance(node, ast.Name)}
        if seen:
            names |= {node.id for node in ast.walk(test) if isinstance(node, ast.Name) and node.id in tables}
        cases = [case for decorator in test.decorator_list for case in _cases(decorator, names)]
        cases += [value for name in names if (value := tables.get(name)) is not None]
        for node in (*found, *(inner for case in cases for inner in ast.walk(case))):
            yield from (*_named(node), *_written(node))


def _assigned(node: ast.stmt) -> list[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return [target.id for target in targets if isinstance(target, ast.Name)]


def _assertions(node: ast.AST, helpers: set[str]) -> Iterator[ast.AST]:
    if isinstance(node, ast.Assert):
        yield node.test
    elif isinstance(node, ast.Call) and _callee(node) in helpers:
        yield node


def _without_inputs(node: ast.AST, product: set[str]) -> Iterator[ast.AST]:
    """Walk what is expected: what is handed to the code under test is no expectation."""
    if isinstance(node, ast.Call) and _callee(node) in product | _INPUTS:
        return
    yield node
    for child in ast.iter_child_nodes(node):
        yield from _without_inputs(child, product)


def _cases(decorator: ast.expr, names: set[str]) -> Iterator[ast.AST]:
    """Yield what a parametrisation has for these parameters; rows that an expression makes are not read."""
    if not isinstance(decorator, ast.Call) or _callee(decorator) != "parametrize":
        return
    parameters, cases = decorator.args[:2]
    wanted = [part.value for part in ast.walk(parameters) if isinstance(part, ast.Constant)]
    for case in cases.elts if isinstance(cases, ast.List) else []:
        if isinstance(case, ast.Starred):
            continue
        parts = case.elts if isinstance(case, ast.Tuple) and len(wanted) > 1 else [case]
        yield from (part for name, part in zip(wanted, parts, strict=True) if name in names)


def _callee(call: ast.Call) -> str:
    function = call.func
    return (
        function.attr if isinstance(function, ast.Attribute) else function.id if isinstance(function, ast.Name) else ""
    )


def _named(node: ast.AST) -> Iterator[Reason]:
    match node:
        case ast.Attribute(value=ast.Name(id="Reason"), attr=member) if member in Reason.__members__:
            yield Reason[member]


def _written(node: ast.AST) -> Iterator[Reason]:
    """Yield a reason that stands there in the words of the status."""
    if isinstance(node, ast.Constant) and node.value in list(Reason):
        yield Reason(node.value)
