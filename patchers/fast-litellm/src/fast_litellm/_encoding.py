"""tiktoken's ``Encoding.encode`` and ``decode``, which ``litellm.encode``, ``decode`` and LiteLLM's providers call, by Java.

What comes before the tokens (which special tokens may stand in a text, and the error where one may not) is the original's own code
here too. Texts in which an allowed special token stands, other types and what Java declines go to tiktoken's core.
"""

from __future__ import annotations

import sys
from typing import Any, Callable, Tuple

from fast_jvm._registry import Activate, Builtins, Meter

from . import _tokens


def make_encode(original: Callable[..., Any], meter: Meter) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of Encoding.encode and its switch."""
    java: Callable[[int, str], Any] | None = None
    kind: Any = None
    regex: Any = None
    refuse: Any = None
    numbers = _tokens.numbers
    clock = _tokens.clock

    def encode(
        self: Any,
        text: str,
        *,
        allowed_special: Any = set(),  # noqa: B006  (the original's)
        disallowed_special: Any = "all",
    ) -> Any:
        if java is None:
            start = clock()
            try:
                return original(
                    self,
                    text,
                    allowed_special=allowed_special,
                    disallowed_special=disallowed_special,
                )
            finally:
                meter(clock() - start)
        if allowed_special == "all":
            allowed_special = self.special_tokens_set
        if disallowed_special == "all":
            disallowed_special = self.special_tokens_set - allowed_special
        if disallowed_special:
            if not isinstance(disallowed_special, frozenset):
                disallowed_special = frozenset(disallowed_special)
            if match := regex(disallowed_special).search(text):
                refuse(match.group())
        if type(text) is str and type(self) is kind:
            number = numbers.get(self)
            if number is None:
                _tokens.load_aside(self)
            elif number >= 0 and (
                not allowed_special
                or type(allowed_special) in (set, frozenset)
                and not any(type(each) is not str or each in text for each in allowed_special)
            ):
                found = java(number, text)
                if found is not NotImplemented:
                    return found
        try:
            return self._core_bpe.encode(text, allowed_special)
        except UnicodeEncodeError:
            text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
            return self._core_bpe.encode(text, allowed_special)

    def activate(builtins: Builtins | None) -> None:
        nonlocal java, kind, regex, refuse
        if builtins is None:
            java = None
            return
        core = sys.modules["tiktoken.core"]
        kind = core.Encoding
        regex, refuse = core._special_token_regex, core.raise_disallowed_special_token
        java = builtins[_tokens.ENCODE]

    _tokens.encodes.update((original, encode))
    return encode, activate


def make_decode(original: Callable[..., Any], meter: Meter) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of Encoding.decode and its switch."""
    java: Callable[[int, list[int]], Any] | None = None
    kind: Any = None
    numbers = _tokens.numbers
    clock = _tokens.clock

    def decode(self: Any, tokens: Any, errors: str = "replace") -> Any:
        if java is None:
            start = clock()
            try:
                return original(self, tokens, errors)
            finally:
                meter(clock() - start)
        if type(tokens) is list and type(self) is kind:
            number = numbers.get(self)
            if number is None:
                _tokens.load_aside(self)
            elif number >= 0:
                found = java(number, tokens)
                if found is not NotImplemented:
                    return found.decode("utf-8", errors=errors)
        return self._core_bpe.decode_bytes(tokens).decode("utf-8", errors=errors)

    def activate(builtins: Builtins | None) -> None:
        nonlocal java, kind
        if builtins is None:
            java = None
            return
        kind = sys.modules["tiktoken.core"].Encoding
        java = builtins[_tokens.DECODE]

    return decode, activate
