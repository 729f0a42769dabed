"""Carries out each import statement of a package, those within functions too.

`python -m tests.unit.every_import FOLDER`, in an environment to find out whether it lacks something.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path


def statements(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield where each import statement of a package's folder is, and the statement; none for type checkers alone."""
    for file in sorted(folder.rglob("*.py")):
        for node in _reached(ast.parse(file.read_text())):
            if isinstance(node, ast.Import | ast.ImportFrom):
                yield f"{file.relative_to(folder.parent)}:{node.lineno}", ast.unparse(node)


def _reached(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            continue
        yield from _reached(child)


def missing(folder: Path) -> list[str]:
    """Return the statements that fail, each with the error."""
    failed = []
    for where, statement in statements(folder):
        try:
            exec(statement, {})  # noqa: S102 - of the sources in this repository
        except ImportError as error:
            failed.append(f"{where}: {statement}: {error}")
    return failed


if __name__ == "__main__":
    sys.exit("\n".join(missing(Path(sys.argv[1]))) or None)
