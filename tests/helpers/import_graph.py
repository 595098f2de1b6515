"""Which module imports which, read from the sources of all packages.

`from package import name` counts as an import of the package, and also of `package.name` where that is a module;
`import package.module` as one of that module alone. Imports inside functions and for type checkers count like others.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROOMS = ("emobox_metric", "emobox_datasets", "emobox_probe", "hub_cards", "emobox_cli", "emobox")
Graph = dict[str, set[str]]


def project_sources() -> dict[str, str]:
    """The source of every module of the project, by the module's full name."""
    files = [path for room in ROOMS for path in [*(ROOT / room).rglob("*.py"), *ROOT.glob(f"{room}.py")]]
    return {_name(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in files}


def import_graph(sources: dict[str, str]) -> Graph:
    """The modules among `sources` that each of them imports."""
    return {
        module: {name for name in _imported(ast.parse(source), module) if name in sources}
        for module, source in sources.items()
    }


def circles(graph: Graph) -> list[list[str]]:
    """Groups of modules that all reach each other, or one that imports itself; [] where imports have an order."""
    reached = {module: _reached_from(module, graph) for module in graph}
    groups = {tuple(sorted(m for m in reached[n] if n in reached[m])) for n in graph if n in reached[n]}
    return [list(group) for group in sorted(groups)]


def _name(path: Path) -> str:
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


def _imported(tree: ast.Module, module: str) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            # No package of the project has relative imports in its `__init__`, where a dot would mean itself.
            above = module.split(".")[: -node.level] if node.level else []
            source = ".".join([*above, node.module or ""]).rstrip(".")
            yield source
            yield from (f"{source}.{alias.name}" for alias in node.names)


def _reached_from(start: str, graph: Graph) -> set[str]:
    reached: set[str] = set()
    waiting = [start]
    while waiting:
        new = graph[waiting.pop()] - reached
        reached |= new
        waiting += new
    return reached
