"""What the original made of one chunk, for those that differ from it in nothing but texts that flow through.

A template is learnt: the original makes a chunk, and if that changed nothing in the stream's state, the next one whose JSON is the
same, but for its texts, gets a copy of the result with its own texts in it. What is constant (ids, models, fields nobody knows, hidden
params) is the original's own work, so nothing of it is written down here. Where a text of the JSON ends up is known from the code
that was studied, and checked.
"""

from __future__ import annotations

import json
import re
import time
from json.decoder import scanstring as _scanstring  # type: ignore[attr-defined]
from typing import Any, Callable, Dict, List, Optional, Set, Tuple

scanstring: Callable[[str, int], Tuple[str, int]] = _scanstring

_DELTA: Tuple[Any, ...] = ("choices", 0, "delta")
_ARGUMENTS: Tuple[Any, ...] = ("tool_calls", 0, "function", "arguments")


class Places:
    """Where texts stand in a chunk's JSON, and where in the chunk that is made of it.

    The first place in the chunk is there always, for those that lead; the others are where a provider's text is kept twice.
    """

    def __init__(self, leading: Tuple[str, ...], **places: Tuple[Tuple[Any, ...], ...]) -> None:
        self.leading = leading  # one of them at least is in a chunk that can be copied
        self.json = {name: paths[0] for name, paths in places.items()}
        self.chunk = {name: paths[1:] for name, paths in places.items()}
        self.key = re.compile('"(%s)"\\s*:\\s*' % "|".join(places))


_ALL_ARGUMENTS = (*_DELTA, *_ARGUMENTS)
_CONTENT, _REASONING = (*_DELTA, "content"), (*_DELTA, "reasoning_content")
_THINKING = ("thinking_blocks", 0, "thinking")
OPENAI = Places(
    ("content", "reasoning_content", "reasoning", "arguments"),
    content=(_CONTENT, _CONTENT),
    reasoning_content=(_REASONING, _REASONING),
    reasoning=((*_DELTA, "reasoning"), _REASONING, (*_DELTA, "reasoning")),
    arguments=(_ALL_ARGUMENTS, _ALL_ARGUMENTS),
    obfuscation=(("obfuscation",), ("obfuscation",)),
    created=(("created",),),
)
ANTHROPIC = Places(
    ("text", "thinking", "partial_json"),
    text=(("delta", "text"), _CONTENT),
    thinking=(
        ("delta", "thinking"),
        _REASONING,
        (*_DELTA, *_THINKING),
        (*_DELTA, "provider_specific_fields", *_THINKING),
    ),
    partial_json=(("delta", "partial_json"), _ALL_ARGUMENTS),
)
_DIGITS = re.compile("[1-9][0-9]{0,14}(?=[,}\\s])")
_SCALARS = frozenset((str, int, float, bool, type(None)))
_new = object.__new__
_set = object.__setattr__
_now = time.time


class _Unfit(Exception):
    """The result is not of a kind that can be copied."""


class Template:
    """A chunk's text, cut at what differs, and a maker of the chunk."""

    __slots__ = ("_make", "_numbers", "_segments", "content", "grows", "names", "state", "used")

    def __init__(self, segments: List[str], names: List[str], make: Any, content: int) -> None:
        self._segments = segments
        self._numbers = [name == "created" for name in names]
        self._make = make
        self.names = names
        self.content = content  # which of the texts is the content; -1: none
        self.state: Any = None
        self.grows: List[Tuple[str, int]] = []
        self.used = 0

    def values(self, text: str) -> Optional[List[str]]:
        """Return the texts of a chunk that is like this one."""
        segments = self._segments
        if not text.startswith(segments[0]):
            return None
        place = len(segments[0])
        found: List[str] = []
        try:
            for index, number in enumerate(self._numbers, 1):
                if number:
                    match = _DIGITS.match(text, place)
                    if match is None:
                        return None
                    value, place = match[0], match.end()
                else:
                    value, end = scanstring(text, place)
                    if not value or ("\\" in text[place:end] and _odd(value)):
                        return None
                    place = end
                found.append(value)
                segment = segments[index]
                if not text.startswith(segment, place):
                    return None
                place += len(segment)
        except ValueError:
            return None
        return found if place == len(text) else None

    def make(self, values: List[str]) -> Any:
        """Return the chunk."""
        return self._make(values)


def _odd(text: str) -> bool:
    """Say whether a text has lone surrogates, which pydantic does not take for text."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return True
    return False


def learn(
    text: str, made: Any, base: Any, shared: Dict[str, Any], places: Places
) -> Optional[Template]:
    """Return a template of a chunk's JSON and what the original made of it; *shared* are the hidden params that all chunks share."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return None
    slots = _slots(text, data, places)
    if not any(slot[0] in places.leading for slot in slots):
        return None
    names = [slot[0] for slot in slots]
    paths: Dict[Tuple[Any, ...], int] = {}
    for index, (name, _, _, value) in enumerate(slots):
        for number, place in enumerate(places.chunk[name]):
            found = _at(made, place)
            if found is None and (number or name not in places.leading):
                continue
            if found != value or place in paths:
                return None
            paths[place] = index
    texts = [value for _, _, _, value in slots if type(value) is str]
    try:
        _survey(made, base, (), paths, texts, set())
        maker = _maker(made, base, shared, paths)
    except _Unfit:
        return None
    segments, last = [], 0
    for _, start, end, _ in slots:
        segments.append(text[last:start])
        last = end
    segments.append(text[last:])
    # scanstring begins behind the quote
    segments = [
        segment + '"' if index < len(names) and names[index] != "created" else segment
        for index, segment in enumerate(segments)
    ]
    return Template(segments, names, maker, paths.get(_CONTENT, -1))


def _slots(text: str, data: Any, places: Places) -> List[Tuple[str, int, int, Any]]:
    """Return name, start, end and value of each text that may differ, where changing it changes just that place of the data."""
    found: List[Tuple[str, int, int, Any]] = []
    names = [match[1] for match in places.key.finditer(text)]
    for match in places.key.finditer(text):
        name, start = match[1], match.end()
        if names.count(name) > 1:
            continue
        if name == "created":
            digits = _DIGITS.match(text, start)
            if digits is not None:
                found.append((name, start, digits.end(), int(digits[0])))
        elif text[start : start + 1] == '"':
            try:
                value, end = scanstring(text, start + 1)
            except ValueError:
                return []
            if value and not _odd(value):
                found.append((name, start, end, value))
    marked, last = "", 0
    for index, (name, start, end, _) in enumerate(found):
        marked += text[last:start] + ("7%d" % index if name == "created" else '"~%d"' % index)
        last = end
    try:
        other = json.loads(marked + text[last:])
        for index, (name, _, _, value) in enumerate(found):
            path = places.json[name]
            marker: Any = int("7%d" % index) if name == "created" else "~%d" % index
            if _at(data, path) != value or _at(other, path) != marker:
                return []
            _put(data, path, None)
            _put(other, path, None)
        return found if json.dumps(data) == json.dumps(other) else []
    except (ValueError, RecursionError, LookupError, TypeError):
        return []


def _survey(
    value: Any,
    base: Any,
    path: Tuple[Any, ...],
    paths: Dict[Tuple[Any, ...], int],
    texts: List[str],
    seen: Set[int],
) -> None:
    """Look for a text that stands where it was not looked for, and for a value that stands twice."""
    if type(value) is str:
        if value in texts and path not in paths:
            raise _Unfit
        return
    if type(value) in _SCALARS:
        return
    if id(value) in seen:
        raise _Unfit
    seen.add(id(value))
    if isinstance(value, base):
        parts = [*value.__dict__.items(), *(value.__pydantic_extra__ or {}).items()]
    elif type(value) is dict:
        parts = list(value.items())
    elif type(value) is list:
        parts = list(enumerate(value))
    else:
        raise _Unfit
    for name, part in parts:
        _survey(part, base, (*path, name), paths, texts, seen)


def _at(value: Any, path: Tuple[Any, ...]) -> Any:
    for step in path:
        try:
            value = value[step] if isinstance(value, (dict, list)) else getattr(value, step, None)
        except (LookupError, TypeError):
            return None
    return value


def _put(value: Any, path: Tuple[Any, ...], what: Any) -> None:
    *steps, last = path
    for step in steps:
        value = value[step]
    value[last] = what


def _maker(
    made: Any, base: Any, shared: Dict[str, Any], paths: Dict[Tuple[Any, ...], int]
) -> Callable[[List[str]], Any]:
    """Return what makes a chunk like *made* of its texts."""
    kind = type(made)
    private = made.__pydantic_private__
    if type(private) is not dict or list(private) != ["_hidden_params", "_response_headers"]:
        raise _Unfit
    hidden, headers = private["_hidden_params"], private["_response_headers"]
    if type(hidden) is not dict or headers is not None or "created_at" not in hidden:
        raise _Unfit
    for name, value in hidden.items():
        if type(value) not in _SCALARS and value is not shared.get(name):
            raise _Unfit
    hidden = dict(hidden)
    fill = _filler(made, base, (), paths)

    def make(values: List[str]) -> Any:
        chunk = _new(kind)
        fill(chunk, values)
        params = hidden.copy()
        params["created_at"] = _now()
        _set(chunk, "__pydantic_private__", {"_hidden_params": params, "_response_headers": None})
        return chunk

    return make


def _filler(
    made: Any, base: Any, path: Tuple[Any, ...], paths: Dict[Tuple[Any, ...], int]
) -> Callable[[Any, List[str]], None]:
    """Return what fills a new model with the fields of *made*."""
    fields, extra, named = made.__dict__, made.__pydantic_extra__, set(made.__pydantic_fields_set__)
    if type(fields) is not dict or (extra is not None and type(extra) is not dict):
        raise _Unfit
    plain_fields, field_makers, field_texts = _parts(fields, base, path, paths)
    plain_extra, extra_makers, extra_texts = _parts(extra or {}, base, path, paths)
    has_extra = extra is not None

    def fill(model: Any, values: List[str]) -> None:
        own = plain_fields.copy()
        for name, index in field_texts:
            own[name] = values[index]
        for name, maker in field_makers:
            own[name] = maker(values)
        more: Optional[Dict[str, Any]] = None
        if has_extra:
            more = plain_extra.copy()
            for name, index in extra_texts:
                more[name] = values[index]
            for name, maker in extra_makers:
                more[name] = maker(values)
        _set(model, "__dict__", own)
        _set(model, "__pydantic_extra__", more)
        _set(model, "__pydantic_fields_set__", named.copy())

    return fill


_Parts = Tuple[Dict[str, Any], List[Tuple[str, Any]], List[Tuple[str, int]]]


def _parts(
    fields: Dict[str, Any], base: Any, path: Tuple[Any, ...], paths: Dict[Tuple[Any, ...], int]
) -> _Parts:
    """Return the fields with their order, what makes those that are no scalars, and which are texts of the chunk."""
    makers: List[Tuple[str, Any]] = []
    texts: List[Tuple[str, int]] = []
    plain = dict(fields)
    for name, value in fields.items():
        here = (*path, name)
        if here in paths:
            texts.append((name, paths[here]))
        elif type(value) not in _SCALARS:
            makers.append((name, _copier(value, base, here, paths)))
    return plain, makers, texts


def _copier(
    value: Any, base: Any, path: Tuple[Any, ...], paths: Dict[Tuple[Any, ...], int]
) -> Callable[[List[str]], Any]:
    kind = type(value)
    if kind in _SCALARS:
        if path in paths:
            index = paths[path]
            return lambda values: values[index]
        return lambda values: value
    if kind is list:
        copiers = [_copier(item, base, (*path, i), paths) for i, item in enumerate(value)]
        if len(copiers) == 1:
            only = copiers[0]
            return lambda values: [only(values)]
        return lambda values: [copier(values) for copier in copiers]
    if kind is dict:
        plain, makers, texts = _parts(value, base, path, paths)

        def copy(values: List[str]) -> Any:
            made = plain.copy()
            for name, index in texts:
                made[name] = values[index]
            for name, maker in makers:
                made[name] = maker(values)
            return made

        return copy
    if isinstance(value, base) and value.__pydantic_private__ is None:
        fill = _filler(value, base, path, paths)

        def model(values: List[str]) -> Any:
            made = _new(kind)
            fill(made, values)
            _set(made, "__pydantic_private__", None)
            return made

        return model
    raise _Unfit
