"""Our own Python files and what they import, read without running them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
OURS = ("portal", "native_bridge", "okta_sandbox", "wsgi", "tests")


def modules(*folders: str) -> list[Path]:
    """The Python files below these folders of the project; a name with a dot is a file."""
    found = [ROOT / name for name in folders if name.endswith(".py")]
    for name in folders:
        found += sorted((ROOT / name).rglob("*.py")) if not name.endswith(".py") else []
    return found


def named(path: Path) -> str:
    """A file as a test names it."""
    return str(path.relative_to(ROOT))


@cache
def tree(path: Path) -> ast.Module:
    """The syntax tree of a file."""
    return ast.parse(path.read_text(), str(path))


@cache
def imports(path: Path) -> set[str]:
    """Every module that this file imports, wherever in it; `from a import b` is both a and a.b."""
    found: set[str] = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            module = _absolute(path, node)
            found |= {module, *(f"{module}.{alias.name}" for alias in node.names)}
    return found


def _absolute(path: Path, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    package = path.relative_to(ROOT).parts[: -node.level]
    return ".".join([*package, *([node.module] if node.module else [])])


def within(names: set[str], *packages: str) -> set[str]:
    """Those of `names` that lie in one of the packages."""
    return {name for name in names if any(name == one or name.startswith(one + ".") for one in packages)}


def texts(path: Path) -> Iterator[str]:
    """Every text constant of a file."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
