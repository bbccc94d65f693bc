"""Fingerprints of code: equal over Python versions, line numbers, paths, comments and docstrings.

The hash is taken over a dump of the syntax tree that leaves out what differs between Python
versions (empty fields, contexts, string kinds, how an f-string's text is cut into pieces). What runs
must be what the source says: wrappers that show the attributes of what they wrap are told by their
type, and a code object that was put into a function by what it refers to.
"""

from __future__ import annotations
import __future__

import ast
import contextlib
import hashlib
import linecache
import re
import sys
import types
from typing import Any, Iterator

from ._reasons import kind

_MANAGERS = (
    contextlib.contextmanager(lambda: iter(())).__code__,
    contextlib.asynccontextmanager(lambda: None).__code__,  # type: ignore[arg-type,return-value]
)
_trees: dict[str, ast.Module] = {}
_SKIPPED = frozenset({"ctx", "kind", "type_comment", "type_ignores"})
_DOCUMENTED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_FUTURE = sum(
    getattr(__future__, name).compiler_flag
    for name in __future__.all_feature_names
    if name not in ("nested_scopes", "generators")  # their flags are others' too
)
# Not co_code: how a method is called depends on the imports of the module around. Whoever puts code
# into a function brings constants and names of his own.
_SAME = ("co_names", "co_varnames", "co_freevars", "co_cellvars", "co_flags",
         "co_argcount", "co_posonlyargcount", "co_kwonlyargcount")  # fmt: skip


def fingerprint(target: Any) -> str:
    """Return 16 hex digits; LookupError where there is no source to look at."""
    node = _node(target)
    return hashlib.sha256(_dump(node).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def forget() -> None:
    """Drop the syntax trees: they are only of use while gates are looked at."""
    _trees.clear()


def decorated(function: types.FunctionType) -> Any:
    """Return what @contextmanager was put on, as all its functions have one code; others as they are."""
    code = function.__code__
    if code not in _MANAGERS:
        return function
    return (function.__closure__ or ())[code.co_freevars.index("func")].cell_contents


def code_of(function: Any) -> Any:
    """Return the code object that a function's fingerprint is about; None for all else."""
    if type(function) is not types.FunctionType:
        return None
    inner = decorated(function)
    return code_of(inner) if inner is not function else function.__code__


def _tree(filename: str, lines: list[str]) -> ast.Module:
    tree = _trees.get(filename)
    if tree is None:
        if not lines:
            raise LookupError(f"no source of {filename}")
        tree = _trees[filename] = ast.parse("".join(lines))
    return tree


def _node(target: Any) -> ast.AST:
    if type(target) is types.MethodType:
        target = target.__func__
    if type(target) is types.FunctionType:
        inner = decorated(target)
        return _function(target) if inner is target else _node(inner)
    if issubclass(type(target), type):
        module = sys.modules.get(target.__module__)
        filename = getattr(module, "__file__", None)
        if not filename:
            raise LookupError(f"no source of {target.__qualname__}")
        lines = linecache.getlines(filename, vars(module))
        block = _class(target.__qualname__, lines)
        if block is not None:
            return block
        body: ast.AST = _tree(filename, lines)
        for name in target.__qualname__.split("."):
            body = _last_class(body, name)
        return body
    raise LookupError(f"{kind(target)} has no Python code")


def _function(function: types.FunctionType) -> ast.AST:
    """Parse just the function: a whole file would hold the GIL for milliseconds."""
    code = function.__code__
    filename = code.co_filename
    if filename.startswith("<frozen "):  # of the standard library; whether it is this code is asked
        filename = function.__globals__.get("__file__") or filename
    lines = linecache.getlines(filename, function.__globals__)
    if not lines:
        raise LookupError(f"no source of {filename}")
    start = code.co_firstlineno - 1
    body = _block(lines, start, start)
    if len(body) == 1 and getattr(body[0], "name", None) == code.co_name:
        if not _runs(function, body[0]):
            raise LookupError(f"the code of {code.co_name} was replaced inside of the function")
        return body[0]
    raise LookupError(f"{code.co_name} is not in {code.co_filename}")


def _class(name: str, lines: list[str]) -> ast.AST | None:
    """Parse just a module's class with its decorators; None where its lines are not plain to see."""
    head = re.compile(rf"\s*class\s+{re.escape(name)}\b")
    found = [number for number, line in enumerate(lines) if head.match(line)]
    if len(found) != 1 or _indent(lines[found[0]]):
        return None
    start = found[0]
    while start and lines[start - 1].strip():
        start -= 1
    body = _block(lines, start, found[0])
    return body[-1] if body and getattr(body[-1], "name", None) == name else None


def _block(lines: list[str], start: int, head: int) -> list[ast.stmt]:
    """Parse lines up to where the block of a head ends; an empty list where they are no code."""
    indent = _indent(lines[head]) if head < len(lines) else 0
    for end in range(head + 1, len(lines) + 1):
        line = lines[end] if end < len(lines) else ""
        inside = line.strip() == "" or line.lstrip().startswith("#") or _indent(line) > indent
        if end < len(lines) and inside:
            continue
        block = "".join(lines[start:end])
        try:
            tree = ast.parse("if 1:\n" + block if indent else block)
        except SyntaxError:
            continue  # a decorator's line, or a line inside of a string
        return tree.body[0].body if indent else tree.body  # type: ignore[attr-defined]
    return []


def _runs(function: types.FunctionType, node: Any) -> bool:
    """Say whether the function's code object is that of its source."""
    code = function.__code__
    if sys.version_info >= (3, 13):  # a class body holds its line
        first = min(each.lineno for each in (node, *node.decorator_list))
        ast.increment_lineno(node, code.co_firstlineno - first)
    path: str = getattr(code, "co_qualname", function.__qualname__)
    outer = path.rpartition(".")[0]
    if outer and not outer.endswith(">"):  # names with two underscores are mangled with the class's
        node = _around(f"class {outer.rpartition('.')[2]}: pass", node)
    free = [name for name in code.co_freevars if name != "__class__"]
    if free or "<locals>" in path:
        node = _around(f"def around({', '.join(free)}): pass", node)
    tree = ast.Module(body=[node], type_ignores=[])
    compiled = compile(
        tree, code.co_filename, "exec", flags=code.co_flags & _FUTURE, dont_inherit=True
    )
    return any(_same(code, made) for made in _named(compiled, code.co_name))


def _around(template: str, node: ast.AST) -> ast.AST:
    outer: Any = ast.parse(template).body[0]
    outer.body = [node]
    return outer  # type: ignore[no-any-return]


def _named(code: types.CodeType, name: str) -> Iterator[types.CodeType]:
    for const in code.co_consts:
        if isinstance(const, types.CodeType):
            if const.co_name == name:
                yield const
            else:
                yield from _named(const, name)


def _same(left: types.CodeType, right: types.CodeType) -> bool:
    """Compare code objects; where their lines are does not count."""
    return (
        all(getattr(left, field) == getattr(right, field) for field in _SAME)
        and len(left.co_consts) == len(right.co_consts)
        and all(
            _same(one, other)
            if type(one) is types.CodeType and type(other) is types.CodeType
            else type(one) is type(other) and one == other
            for one, other in zip(left.co_consts, right.co_consts)
        )
    )


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _last_class(scope: ast.AST, name: str) -> ast.ClassDef:
    found = [
        node
        for node in ast.walk(scope)
        if isinstance(node, ast.ClassDef) and node.name == name and node is not scope
    ]
    if len(found) != 1:
        raise LookupError(f"class {name}: {len(found)} definitions")
    return found[0]


def _dump(node: Any) -> str:
    if isinstance(node, list):
        return "[" + ",".join(_dump(item) for item in node) + "]"
    if not isinstance(node, ast.AST):
        return repr(node)
    if isinstance(node, ast.Constant):
        return f"{type(node.value).__name__}:{node.value!r}"
    kind = type(node).__name__
    if kind == "Index":  # Python 3.8 wraps subscripts
        return _dump(node.value)  # type: ignore[attr-defined]
    if isinstance(node, ast.JoinedStr):
        return "JoinedStr([" + ",".join(_pieces(node.values)) + "])"
    fields = []
    for name, value in ast.iter_fields(node):
        if name in _SKIPPED or value is None or value == []:
            continue
        if name == "body" and isinstance(node, _DOCUMENTED):
            value = _without_docstring(value)
        fields.append(f"{name}={_dump(value)}")
    return f"{kind}({','.join(fields)})"


def _pieces(values: list[ast.expr]) -> Iterator[str]:
    text = ""
    for value in values:
        if isinstance(value, ast.Constant):
            text += str(value.value)
            continue
        if text:
            yield repr(text)
        text = ""
        yield _dump(value)
    if text:
        yield repr(text)


def _without_docstring(body: list[ast.stmt]) -> list[ast.stmt]:
    if (
        body
        and isinstance(body[0], ast.Expr)
        and isinstance(body[0].value, ast.Constant)
        and isinstance(body[0].value.value, str)
    ):
        return body[1:]
    return body
