"""``LegacyAPIResponse._parse`` of an embeddings response, with Java reading the numbers.

Java takes the arrays of numbers out of the JSON; the rest, which is small, goes through the SDK's own code, and the lists are put
into the models that it made. An array of anything but numbers, NaN, ints that a double cannot hold, keys that come twice:
the original parses, and its objects or errors come out.
"""

from __future__ import annotations

import json
import time
from typing import Any, Callable, Dict, List, Optional, Tuple

from fast_jvm._registry import Activate, Builtins, Meter

BUILTIN, TEXT = "litellm_embeddings", "litellm_float_text"

#: Below this the way through Java does not pay.
_LEAST = 2000
_LEAST_NUMBERS = 64
_PLAIN = frozenset((str, int, float, bool, type(None)))

_float_text: Callable[[List[Any]], Any] | None = None


def make_parse(original: Callable[..., Any], meter: Meter) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of _parse and its switch."""
    scan: Callable[[bytes], Any] | None = None
    models: _Models | None = None
    clock = time.thread_time_ns

    def _parse(self: Any, *, to: Any = None) -> Any:
        if scan is None or models is None:
            start = clock()
            try:
                return original(self, to=to)
            finally:
                meter(clock() - start)
        if to is not None or self._cast_to is not models.wanted:
            return original(self, to=to)
        response = self.http_response
        client = self._client
        if self._stream or not models.fit(client, response) or not _is_json(response):
            return original(self, to=to)
        content = response.content
        found = scan(content) if len(content) >= _LEAST else NotImplemented
        try:
            if found is NotImplemented:
                data, lists = json.loads(content), None
            else:
                data, lists = json.loads(found[0]), found[1]
        except (ValueError, RecursionError):
            return original(self, to=to)
        made = models.make(client, response, data, lists)
        return original(self, to=to) if made is None else made

    def activate(builtins: Builtins | None) -> None:
        nonlocal scan, models
        global _float_text
        if builtins is None:
            scan = _float_text = None
        else:
            models = _Models()
            scan = builtins[BUILTIN]
            _float_text = builtins[TEXT]

    return _parse, activate


def _is_json(response: Any) -> bool:
    content_type: str = response.headers.get("content-type", "*")
    return content_type.split(";")[0].endswith("json")


def json_text(response: Dict[Any, Any]) -> Optional[str]:
    """Return ``json.dumps(response, default=str)`` of a dumped embeddings response; None where json has to write it."""
    write, entries = _float_text, response.get("data")
    if write is None or type(entries) is not list or not entries:
        return None
    dumps = json.dumps
    parts = []
    for key, value in response.items():
        if type(key) is not str:
            return None
        if key == "data":
            items = [_item_text(entry, write) for entry in entries]
            if None in items:
                return None
            text = "[" + ", ".join(items) + "]"  # type: ignore[arg-type]
        elif type(value) in _PLAIN or (
            type(value) is dict
            and all(type(key) is str and type(each) in _PLAIN for key, each in value.items())
        ):
            text = dumps(value)
        else:
            return None
        parts.append("%s: %s" % (dumps(key), text))
    return "{" + ", ".join(parts) + "}"


def _item_text(entry: Any, write: Callable[[List[Any]], Any]) -> Optional[str]:
    if type(entry) is not dict:
        return None
    numbers = entry.get("embedding")
    if type(numbers) is not list or len(numbers) < _LEAST_NUMBERS:
        return None
    parts = []
    for key, value in entry.items():
        if key == "embedding":
            text = write(numbers)
            if text is NotImplemented:
                return None
        elif type(key) is str and type(value) in _PLAIN:
            text = json.dumps(value)
        else:
            return None
        parts.append("%s: %s" % (json.dumps(key), text))
    return "{" + ", ".join(parts) + "}"


class _Models:
    """The SDK's models of a response, made as its ``construct`` makes them where every field is there and none is new."""

    def __init__(self) -> None:
        import httpx
        from openai import _models
        from openai._base_client import BaseClient
        from openai.types import CreateEmbeddingResponse, Embedding

        self.wanted: Any = CreateEmbeddingResponse
        self._item: Any = Embedding
        self._base: Any = _models.BaseModel
        self._construct = _models.BaseModel.construct.__func__
        self._response = httpx.Response
        self._json = httpx.Response.json
        self._process = BaseClient._process_response_data
        fields = Embedding.model_fields
        if list(fields) != ["embedding", "index", "object"] or (
            fields["embedding"].annotation != List[float] or fields["index"].annotation is not int
        ):
            raise RuntimeError("the SDK's model of an embedding is another one")

    def fit(self, client: Any, response: Any) -> bool:
        """Say whether the SDK's and httpx's own code would serve."""
        return (
            type(response) is self._response
            and self._response.json is self._json
            and "json" not in vars(response)
            and not client._strict_response_validation
            and getattr(type(client), "_process_response_data", None) is self._process
            and "_process_response_data" not in vars(client)
            and self._base.construct.__func__ is self._construct
            and "construct" not in vars(self._item)
        )

    def make(self, client: Any, response: Any, data: Any, lists: Optional[List[Any]]) -> Any:
        """Return the model of a response; None where the original has to find out what is wrong."""
        entries = data.get("data") if type(data) is dict else None
        if type(entries) is not list or (lists is not None and len(lists) != len(entries)):
            return None if lists is not None else self._processed(client, response, data)
        items = self._items(entries, lists)
        if items is not None:
            made = self._processed(client, response, {**data, "data": []})
            made.__dict__["data"] = items
            return made
        made = self._processed(client, response, data)
        if lists is not None:
            for item, numbers in zip(made.data, lists):
                if numbers is not None:
                    item.__dict__["embedding"] = numbers
        return made

    def _processed(self, client: Any, response: Any, data: Any) -> Any:
        return client._process_response_data(data=data, cast_to=self.wanted, response=response)

    def _items(self, entries: List[Any], lists: Optional[List[Any]]) -> Optional[List[Any]]:
        """Return the models of "data"; None where an object has other fields, or one that is null or wants to be coerced."""
        kind, write = self._item, object.__setattr__
        items = []
        for place, entry in enumerate(entries):
            if type(entry) is not dict or len(entry) != 3:
                return None
            try:
                embedding, index, name = entry["embedding"], entry["index"], entry["object"]
            except KeyError:
                return None
            if index is None or name is None:
                return None
            numbers = None if lists is None else lists[place]
            if numbers is not None:
                embedding = numbers
            elif type(embedding) is not str:
                return None
            item = kind.__new__(kind)
            write(item, "__dict__", {"embedding": embedding, "index": index, "object": name})
            write(item, "__pydantic_private__", None)
            write(item, "__pydantic_extra__", {})
            write(item, "__pydantic_fields_set__", {"embedding", "index", "object"})
            items.append(item)
        return items


def sample() -> bytes:
    """Return a response for Java to warm itself with."""
    items = [
        {"object": "embedding", "index": i, "embedding": [(i * 7 + k) / 977 for k in range(256)]}
        for i in range(8)
    ]
    usage = {"prompt_tokens": 8, "total_tokens": 8}
    return json.dumps({"object": "list", "data": items, "model": "m", "usage": usage}).encode()


def warm_up(builtins: Builtins, warm: Callable[[str, object, int], int]) -> None:
    """Bring the builtin to speed."""
    content = sample()
    warm(BUILTIN, content, 60)
    numbers = [(i * 7919 % 1013 - 500) / 977 for i in range(1536)]
    warm(TEXT, numbers, 60)
    if builtins[TEXT](numbers) != json.dumps(numbers):
        raise RuntimeError("numbers are written in another way")
    found = builtins[BUILTIN](content)
    read = json.loads(content)
    if found is NotImplemented or found[1] != [item["embedding"] for item in read["data"]]:
        raise RuntimeError("a sample is read in another way")
    for _ in range(40):
        builtins[BUILTIN](content)
        time.sleep(0.0005)
