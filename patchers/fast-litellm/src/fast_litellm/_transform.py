"""``transform`` of the OpenAI SDK: it walks a request through the types of its parameters, to find that there is nothing to do.

For values as JSON has them the walk copies dicts and lists where a type says so, and leaves out what was not given: what it looks at
on the way (each member of a union in turn, each with its own origin, hash and type hints) has no effect. Here the types are
walked once. A node stands for the types that a value goes through one after another; it knows which of a dict's keys
have types, and which node a list's items go to. Anything but exact dicts, lists, strs, ints, floats, bools and None, an
alias on a key that is there, a type that is looked at in another way: the original does it.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional, Tuple

from fast_jvm._registry import Activate, Meter
from fast_jvm._serving import Serving, finish

#: Kinds of types that are kept; more than that is a program that makes types.
_MOST = 4096


class _Unknown(Exception):
    """The original has to do it."""


class _Node:
    """What becomes of a value that goes through some types."""

    __slots__ = (
        "copies",
        "hints",
        "items",
        "keys",
        "lists",
        "strips",
        "types",
        "unknown",
        "values",
    )

    def __init__(self, types: Tuple[Any, ...]) -> None:
        self.types = types  # kept: their ids are keys
        self.unknown = False
        self.copies = False  # a dict becomes a new one
        self.strips = False  # without what was not given
        self.hints: List[Dict[str, Any]] = []
        self.values: Tuple[Any, ...] = ()  # types of all of a dict's values
        self.keys: Dict[str, Optional[_Node]] = {}
        self.lists: Tuple[Any, ...] = ()  # types of a list's items; none: it stays the very list
        self.items: Optional[_Node] = None


class _Walk:
    """The types that were walked, and the walk of values through them."""

    def __init__(self) -> None:
        from openai._types import NotGiven, Omit
        from openai._utils import _transform

        self._sdk = _transform
        self._absent = frozenset((NotGiven, Omit))
        self._nodes: Dict[Tuple[int, ...], _Node] = {}

    def node(self, types: Tuple[Any, ...]) -> _Node:
        """Return the node of these types."""
        key = tuple(map(id, types))
        node = self._nodes.get(key)
        if node is None:
            if len(self._nodes) >= _MOST:
                raise _Unknown
            node = _Node(types)
            try:
                for each in types:
                    self._look(node, each)
            except Exception:  # a bare list, a name that is not there: the original says so, where a value gets that far
                node.unknown = True
            self._nodes[key] = node
        if node.unknown:
            raise _Unknown
        return node

    def _look(self, node: _Node, annotation: Any) -> None:
        """Note what _transform_recursive does to a value of this type."""
        sdk = self._sdk
        stripped = sdk.strip_annotated_type(annotation)
        origin = sdk.get_origin(stripped) or stripped
        if sdk.is_typeddict(stripped):
            node.copies = node.strips = True
            node.hints.append(sdk.get_type_hints(stripped, include_extras=True))
        elif origin is dict:
            node.copies = True
            node.values += (sdk.get_args(stripped)[1],)
        elif (
            sdk.is_list_type(stripped)
            or sdk.is_iterable_type(stripped)
            or sdk.is_sequence_type(stripped)
        ):
            inner = sdk.extract_type_arg(stripped, 0)
            if not sdk._no_transform_needed(inner):
                node.lists += (inner,)
        elif sdk.is_union_type(stripped):
            for member in sdk.get_args(stripped):
                self._look(node, member)

    def _of_key(self, node: _Node, key: Any) -> Optional[_Node]:
        types = tuple(hints[key] for hints in node.hints if key in hints)
        if any(self._sdk._maybe_transform_key(key, each) != key for each in types):
            raise _Unknown
        types += node.values
        found = self.node(types) if types else None
        if type(key) is str and len(node.keys) < _MOST:
            node.keys[key] = found
        return found

    def walk(self, node: _Node, value: Any) -> Any:
        """Return what becomes of a value; raises _Unknown before anything has happened."""
        kind = type(value)
        if kind is str or kind is int or kind is float or kind is bool or value is None:
            return value
        if kind is dict:
            return self._dict(node, value) if node.copies else value
        if kind is not list:
            raise _Unknown
        if not node.lists:
            return value
        items = node.items
        if items is None:
            items = node.items = self.node(node.lists)
        walk = self.walk
        return [walk(items, each) for each in value]

    def _dict(self, node: _Node, value: Dict[Any, Any]) -> Dict[Any, Any]:
        walk = self.walk
        if not node.strips:
            every = self.node(node.values)
            return {key: walk(every, each) for key, each in value.items()}
        made: Dict[Any, Any] = {}
        absent, keys = self._absent, node.keys
        for key, each in value.items():
            kind = type(each)
            if kind in absent:
                continue
            try:
                found = keys[key]
            except KeyError:
                found = self._of_key(node, key)
            made[key] = each if found is None or kind is str else walk(found, each)
        return made


def _transformer() -> Callable[[Any, Any], Any]:
    walk: Optional[_Walk] = None
    tops: Dict[int, _Node] = {}

    def transform(data: Any, expected_type: Any) -> Any:
        """Return the transformed data; raises _Unknown."""
        nonlocal walk
        if type(data) is not dict:
            raise _Unknown
        top = tops.get(id(expected_type))
        if top is None:
            if walk is None:
                walk = _Walk()
            top = walk.node((expected_type,))
            if len(tops) >= _MOST:
                raise _Unknown
            tops[id(expected_type)] = top  # which keeps the type
        return walk.walk(top, data)  # type: ignore[union-attr]

    return transform


def make_transform(
    original: Callable[..., Any], meter: Meter
) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of transform and its switch."""
    serving = Serving("litellm.transform")
    made = _transformer()

    def transform(data: Any, expected_type: Any) -> Any:
        if serving.live or serving:
            try:
                found = made(data, expected_type)
            except _Unknown:
                replacement.declined += 1
            else:
                replacement.served += 1
                return found
        return original(data, expected_type)

    replacement: Any = transform
    return finish(replacement, serving)


def make_async_transform(
    original: Callable[..., Any], meter: Meter
) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of async_transform, which waits for nothing but files, and its switch."""
    serving = Serving("litellm.async_transform")
    made = _transformer()

    async def async_transform(data: Any, expected_type: Any) -> Any:
        if serving.live or serving:
            try:
                found = made(data, expected_type)
            except _Unknown:
                replacement.declined += 1
            else:
                replacement.served += 1
                return found
        return await original(data, expected_type)

    replacement: Any = async_transform
    return finish(replacement, serving)
