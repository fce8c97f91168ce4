"""Which names a Lua file takes from outside, writes outside, and declares for nothing.

The parser is luaparser (pure Python, grammar of 5.1 to 5.4, about 0.2 ms a line). Scoping is Lua's own: a local lives
from the end of its statement to the end of its block, and a `repeat` block still lives in its `until`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from luaparser import ast
from luaparser import astnodes as lua

POSITIONAL = ("KEYS", "ARGV")


@dataclass
class Local:
    """One declared local. `kind`: top (of the file), local, loop or argument; `line` counts from 1."""

    name: str
    line: int
    kind: str
    used: bool = False


@dataclass
class Names:
    """What a file does with names. Lines count from 1."""

    reads: dict[str, int] = field(default_factory=dict)  # free name -> line of its first read
    writes: dict[str, int] = field(default_factory=dict)  # free name -> line of its first assignment
    declared: list[Local] = field(default_factory=list)  # all locals, in order of declaration
    fields: dict[str, dict[str, int]] = field(default_factory=dict)  # name -> field read by a dot or assigned -> line
    words: dict[str, int] = field(default_factory=dict)  # string -> line of its first use
    by_number: list[tuple[str, int]] = field(default_factory=list)  # KEYS[3] or ARGV[1] inside a function
    returns: list[Any] | None = None  # expressions of the file's own return, None without one

    @property
    def unused(self) -> list[Local]:
        """Locals nobody reads; arguments are left out (a signature is a contract), and names that begin with `_`."""
        return [x for x in self.declared if not x.used and x.kind != "argument" and not x.name.startswith("_")]

    @property
    def top(self) -> dict[str, int]:
        """Locals of the file's outermost block: a later file of the same script sees them."""
        return {x.name: x.line for x in self.declared if x.kind == "top"}


def names(source: str) -> Names:
    """Raises luaparser's SyntaxException where the source is no Lua."""
    walker = _Walker()
    body = ast.parse(source).body
    walker.block(body, "top")
    return walker.names


class _Walker:
    def __init__(self) -> None:
        self.names = Names()
        self.scopes: list[dict[str, Local]] = []
        self.line = 1
        self.depth = 0  # of functions around the node

    @contextmanager
    def scope(self) -> Iterator[None]:
        self.scopes.append({})
        yield
        self.scopes.pop()

    def declare(self, name: str, kind: str) -> None:
        local = Local(name, self.line, kind)
        self.scopes[-1][name] = local
        self.names.declared.append(local)

    def find(self, name: str) -> Local | None:
        return next((scope[name] for scope in reversed(self.scopes) if name in scope), None)

    def block(self, block: Any, kind: str = "local") -> None:
        with self.scope():
            self.statements(block.body, kind)

    def statements(self, body: Sequence[Any], kind: str) -> None:
        for statement in body:
            self.line = statement.line or self.line
            if isinstance(statement, lua.Return) and kind == "top":
                self.names.returns = list(_listed(statement.values))
            self.visit(statement, kind)

    def visit(self, node: Any, kind: str = "local") -> None:
        """Any node; those that bind names have a method named after their class."""
        special = getattr(self, f"on_{type(node).__name__.lower()}", None)
        if special is not None:
            special(node, kind)
        elif isinstance(node, lua.Block):
            self.block(node)
        elif isinstance(node, lua.Node):
            for key, value in vars(node).items():
                if not key.startswith("_") and key != "comments":
                    self.visit_all(value)

    def visit_all(self, value: Any) -> None:
        for node in _listed(value):
            self.visit(node)

    def on_name(self, node: Any, _kind: str) -> None:
        self.line = node.line or self.line
        local = self.find(node.id)
        if local is None:
            self.names.reads.setdefault(node.id, self.line)
        else:
            local.used = True

    def on_string(self, node: Any, _kind: str) -> None:
        text = node.s.decode("utf-8", "replace") if isinstance(node.s, bytes) else node.s
        self.names.words.setdefault(text, self.line)

    def on_index(self, node: Any, _kind: str) -> None:
        self.visit(node.value)
        owner = node.value.id if isinstance(node.value, lua.Name) else None
        if node.notation is not lua.IndexNotation.DOT:
            self.visit(node.idx)
            if owner in POSITIONAL and isinstance(node.idx, lua.Number) and self.depth > 0:
                self.names.by_number.append((f"{owner}[{node.idx.n}]", self.line))
        elif owner is not None:
            self.names.fields.setdefault(owner, {}).setdefault(node.idx.id, self.line)

    def on_field(self, node: Any, _kind: str) -> None:
        if node.between_brackets:
            self.visit(node.key)
        self.visit(node.value)

    def on_invoke(self, node: Any, _kind: str) -> None:
        self.visit(node.source)
        self.visit_all(node.args)

    def on_localassign(self, node: Any, kind: str) -> None:
        self.visit_all(node.values)
        for target in node.targets:
            self.declare(target.id, kind)

    def on_assign(self, node: Any, _kind: str) -> None:
        self.visit_all(node.values)
        for target in node.targets:
            if isinstance(target, lua.Name):
                self.write(target)
            else:
                self.visit(target)

    def write(self, target: Any) -> None:
        if self.find(target.id) is None:
            self.names.writes.setdefault(target.id, target.line or self.line)

    def on_localfunction(self, node: Any, kind: str) -> None:
        self.declare(node.name.id, kind)
        self.function(node)

    def on_function(self, node: Any, _kind: str) -> None:
        if isinstance(node.name, lua.Name):
            self.write(node.name)
        else:
            self.visit(node.name)
        self.function(node)

    def on_method(self, node: Any, _kind: str) -> None:
        self.visit(node.source)
        self.function(node, "self")

    def on_anonymousfunction(self, node: Any, _kind: str) -> None:
        self.function(node)

    def function(self, node: Any, *implicit: str) -> None:
        self.depth += 1
        with self.scope():
            for name in (*implicit, *(x.id for x in node.args if isinstance(x, lua.Name))):
                self.declare(name, "argument")
            self.statements(node.body.body, "local")
        self.depth -= 1

    def on_fornum(self, node: Any, _kind: str) -> None:
        self.visit_all([node.start, node.stop, node.step])
        with self.scope():
            self.declare(node.target.id, "loop")
            self.statements(node.body.body, "local")

    def on_forin(self, node: Any, _kind: str) -> None:
        self.visit_all(node.iter)
        with self.scope():
            for target in node.targets:
                self.declare(target.id, "loop")
            self.statements(node.body.body, "local")

    def on_repeat(self, node: Any, _kind: str) -> None:
        with self.scope():
            self.statements(node.body.body, "local")
            self.visit(node.test)

    def on_goto(self, node: Any, _kind: str) -> None:
        """A label is no variable."""

    on_label = on_goto


def _listed(value: Any) -> Sequence[Any]:
    if isinstance(value, (list, tuple)):
        return value
    return [] if value is None or value is False else [value]
