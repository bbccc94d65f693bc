"""What LiteLLM asks in each call: the same answers and errors, whatever is configured before it."""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

import httpx
import litellm
import pytest
from conftest import LONG
from hypothesis import given, settings
from hypothesis import strategies as st
from litellm import utils
from litellm.litellm_core_utils import get_llm_provider_logic as logic
from litellm.llms.openai.chat.gpt_transformation import OpenAIGPTConfig
from litellm.llms.openai.common_utils import BaseOpenAILLM
from litellm.llms.openai_like.json_loader import JSONProviderRegistry
from litellm.types.router import GenericLiteLLMParams
from requests_cases import fault
from sides import originals, served

MANY = 4000 if LONG else 300


def outcome(call: Callable[[], Any]) -> Any:
    """What comes of it, types with it."""
    try:
        found = call()
    except Exception as error:
        return fault(error)
    return [(type(each), each) for each in found] if type(found) is tuple else (type(found), found)


def compare(call: Callable[[], Any]) -> Any:
    """Ours twice, as what was found out is kept, and the original."""
    ours = outcome(call), outcome(call)
    with originals():
        theirs = outcome(call)
    assert ours == (theirs, theirs)
    return theirs


class Text(str):
    """A str of another type."""


MODELS = st.sampled_from(
    [
        "gpt-4o-mini",
        "gpt-4o",
        "openai/gpt-4o-mini",
        "openai/unheard-of",
        "openai/openai/gpt-4o",
        "openai/",
        "openai",
        "/gpt-4o",
        "",
        "azure",
        "azure/gpt-4o",
        "azure/command-r-plus",
        "cohere/command-r",
        "anthropic/claude-2",
        "groq/llama-3.1-8b-instant",
        "groq",
        "mine/gpt-4o",
        "mine",
        "claude-3-opus-20240229",
        "ft:gpt-4o:mine",
        "unheard-of",
        "standard/1024-x-1536/gpt-image-1.5",
        Text("gpt-4o"),
        None,
        7,
    ]
) | st.text(max_size=6)
NAMED = st.sampled_from(
    [None, None, "openai", "openai", "", "azure", "cohere", "mine", litellm.LlmProviders.OPENAI, Text("openai"), 3]
)  # fmt: skip
BASES = st.sampled_from(
    [
        None,
        None,
        "",
        "http://127.0.0.1:1/v1",
        "https://api.openai.com/v1",
        "https://api.groq.com/openai/v1",
        "https://api.deepseek.com/v1/x",
        "https://attacker.com/api.groq.com/openai/v1",
        "http://[broken",
        Text("http://x"),
        5,
    ]
)
KEYS = st.sampled_from([None, "k", "", 9])
PARAMS = st.sampled_from(
    [
        None,
        None,
        None,
        GenericLiteLLMParams(),
        GenericLiteLLMParams(custom_llm_provider="groq", api_key="g"),
        GenericLiteLLMParams(use_litellm_proxy=True, api_base="http://p", api_key="p"),
    ]
)


class Secrets:
    """A secret manager's client that knows nothing."""

    def get_secret(self, *given: Any, **named: Any) -> Any:
        raise ValueError("no")


#: What may be set between two calls.
SETTINGS: dict[str, Callable[[], Any]] = {
    "nothing": ExitStack,
    "the proxy": lambda: mock.patch.object(litellm, "use_litellm_proxy", True),
    "the proxy by environment": lambda: mock.patch.dict(os.environ, {"USE_LITELLM_PROXY": "True", "LITELLM_PROXY_API_BASE": "http://p"}),
    "no proxy by environment": lambda: mock.patch.dict(os.environ, {"USE_LITELLM_PROXY": "False"}),
    "a secret manager": lambda: mock.patch.object(litellm, "secret_manager_client", Secrets()),
    "no providers": lambda: mock.patch.object(litellm, "provider_list", []),
    "a provider": lambda: mock.patch.object(litellm, "provider_list", [*litellm.provider_list, "mine", "gpt-4o"]),
    "a model list": lambda: mock.patch.object(litellm, "model_list_set", {"openai", "groq"}),
    "no models": lambda: mock.patch.object(litellm, "open_ai_chat_completion_models", set()),
    "models": lambda: mock.patch.object(litellm, "open_ai_chat_completion_models", {"unheard-of", "groq", "mine", "azure"}),
    "endpoints": lambda: mock.patch.object(litellm, "openai_compatible_endpoints", ["127.0.0.1", "api.groq.com"]),
    "custom providers": lambda: mock.patch.object(litellm, "custom_provider_map", [{"provider": "mine", "custom_handler": None}]),
    "a provider in JSON": lambda: mock.patch.dict(JSONProviderRegistry._providers, {"openai": next(iter(JSONProviderRegistry._providers.values()))}),
}  # fmt: skip


@contextmanager
def quiet() -> Iterator[None]:
    with mock.patch.object(litellm, "suppress_debug_info", True):
        yield


def test_any_provider() -> None:
    @settings(max_examples=MANY)
    @given(st.sampled_from(sorted(SETTINGS)), MODELS, NAMED, BASES, KEYS, PARAMS)
    def any_provider(set_: str, model: Any, named: Any, base: Any, key: Any, params: Any) -> None:
        with quiet():
            for name in (set_, "nothing", set_):
                with SETTINGS[name]():
                    compare(lambda: logic.get_llm_provider(model, named, base, key, params))

    any_provider()


def test_lists_that_change_in_place() -> None:
    """Whoever appends to LiteLLM's lists is heard by the next call."""
    base = "https://mine.example/v1"

    def bare() -> Any:
        return logic.get_llm_provider(model="gpt-4o", api_base=base)

    assert compare(bare)[1][1] == "openai"
    litellm.provider_list.append("gpt-4o")
    try:
        assert compare(bare)[0] is not None
    finally:
        litellm.provider_list.remove("gpt-4o")
    litellm.openai_compatible_endpoints.append("mine.example/v1")
    try:
        compare(bare)
    finally:
        litellm.openai_compatible_endpoints.remove("mine.example/v1")
    assert compare(bare)[1][1] == "openai"
    with quiet():
        before = compare(lambda: logic.get_llm_provider("newly-made"))
        litellm.register_model({"newly-made": {"litellm_provider": "openai", "mode": "chat"}})
        assert compare(lambda: logic.get_llm_provider("newly-made")) != before


@pytest.mark.parametrize(
    "given",
    [
        {"model": "gpt-4o"},
        {"model": "gpt-4o", "api_base": "http://127.0.0.1:1/v1"},
        {"model": "gpt-4o", "custom_llm_provider": "openai", "api_key": "k"},
        {"model": "openai/unheard-of"},
        {"model": "openai/gpt-4o", "custom_llm_provider": "openai", "api_base": "http://x"},
    ],
)
def test_providers_are_served(given: Any) -> None:
    before = served("litellm.provider")
    compare(lambda: logic.get_llm_provider(**given))
    compare(lambda: litellm.get_llm_provider(**given))
    assert served("litellm.provider") == before + 4


LISTS = sorted(
    name
    for name in set(re.findall(r"in litellm\.(\w+)", inspect.getsource(logic)))
    if type(getattr(litellm, name)) in (set, list) and name != "openai_compatible_endpoints"
)


@pytest.mark.parametrize("model", ["my-group", "m", "ft-mine", "é", "\ud800"])
def test_a_name_of_no_model_is_served(model: str) -> None:
    """A model group's name, which the proxy asks for in each call: LiteLLM's own error; and where the name is a model's of any list."""
    before = served("litellm.provider")
    with quiet():
        assert "LLM Provider NOT provided" in str(
            compare(lambda: logic.get_llm_provider(model=model))
        )
        compare(lambda: logic.get_llm_provider(model, None, ""))
        assert served("litellm.provider") == before + 4
        assert len(LISTS) > 30
        for name in LISTS:
            models = getattr(litellm, name)
            with mock.patch.object(litellm, name, type(models)((*models, model))):
                compare(lambda: logic.get_llm_provider(model=model))
            with mock.patch.object(litellm, name, dict.fromkeys((*models, model))):
                compare(lambda: logic.get_llm_provider(model=model))


@given(st.from_regex(r"(gpt-image|amazon_nova|ft:gpt-4|ft:gpt-3.5-turbo|a:|claude-|gemini-|\*|m)[-a-z0-9:]{0,70}", fullmatch=True) | st.text())  # fmt: skip
@settings(max_examples=MANY)
def test_any_name(model: str) -> None:
    with quiet():
        compare(lambda: logic.get_llm_provider(model=model))


def test_a_name_of_no_model_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with mock.patch.object(litellm, "suppress_debug_info", False):
        compare(lambda: logic.get_llm_provider(model="my-group"))
    assert capsys.readouterr().out.count("Provider List") == 3


class Shown:
    """Formats itself, as f-strings ask it to."""

    def __init__(self, error: bool) -> None:
        self.error = error

    def __format__(self, how: str) -> str:
        if self.error:
            raise ValueError("not shown")
        return f"<{how}>"


FIELDS = st.sampled_from(
    ["api_key", "is_async", "timeout", "max_retries", "organization", "api_base", "base_url", "http_client", "default_headers", "workload_identity_config", "azure_endpoint", "other"]
)  # fmt: skip
VALUES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(
        ["{}", "{0}", Text("t"), httpx.Timeout(3.0), {"a": "{}"}, Shown(False), Shown(True), b"k"]
    )
)


def test_any_client_key() -> None:
    @settings(max_examples=MANY)
    @given(st.dictionaries(FIELDS, VALUES), st.sampled_from(["openai", "azure", "other"]))
    def any_client_key(given: Any, kind: str) -> None:
        before = served("litellm.client_key")
        found = compare(
            lambda: BaseOpenAILLM.get_openai_client_cache_key(
                client_initialization_params=given, client_type=kind
            )
        )
        if type(found) is tuple:
            assert served("litellm.client_key") == before + 2

    any_client_key()


def test_the_fields_of_a_client_key_may_change(monkeypatch: pytest.MonkeyPatch) -> None:
    def key() -> Any:
        return BaseOpenAILLM.get_openai_client_cache_key({"api_key": "k", "a": 1}, "openai")

    first = compare(key)
    for fields in (("a", "b"), ("a b", "{}"), ["a"], ()):
        monkeypatch.setattr(
            BaseOpenAILLM,
            "get_openai_client_initialization_param_fields",
            staticmethod(lambda client_type, fields=fields: fields),
        )
        assert compare(key) != first


def test_any_host() -> None:
    bases = st.sampled_from(
        [None, "", "https://api.openai.com/v1", "https://openai.com", "http://x.openai.com.evil", "http://[broken", "nothing", "http://127.0.0.1:1/v1", Text("http://x"), 5]
    )  # fmt: skip
    texts = st.sampled_from(["", "https://eu.api.openai.com", "http://x", "no host"])
    config = OpenAIGPTConfig()

    @settings(max_examples=MANY)
    @given(NAMED, bases, bases, st.none() | texts, st.none() | texts)
    def any_host(named: Any, base: Any, all_: Any, url: Any, older: Any) -> None:
        pairs = {"OPENAI_BASE_URL": url, "OPENAI_API_BASE": older}
        with mock.patch.object(litellm, "api_base", all_), mock.patch.dict(os.environ):
            for name, text in pairs.items():
                os.environ.pop(name, None)
                if text is not None:
                    os.environ[name] = text
            before = served("litellm.hosted")
            compare(lambda: config._targets_openai_hosted_endpoint(named, base))
            plain = {type(base), type(all_)} <= {str, type(None)}
            if named == "openai" and plain and "http://[broken" not in (base, all_):
                assert served("litellm.hosted") == before + 2

    any_host()


def test_coroutines() -> None:
    async def later() -> None: ...

    def now() -> None: ...

    class Later:
        async def __call__(self) -> None: ...

    class Response(litellm.ModelResponse):
        async def __call__(self) -> None: ...

    before = served("litellm.coroutine")
    assert compare(lambda: utils.check_coroutine(litellm.ModelResponse()))[1] is False
    assert compare(lambda: utils.check_coroutine(litellm.ModelResponse(a=1)))[1] is False
    assert served("litellm.coroutine") == before + 4
    odd = litellm.ModelResponse()
    odd.__pydantic_extra__["__call__"] = later
    for value in (later, now, Later(), Later, Response(), odd, later(), None, 3, litellm.EmbeddingResponse()):  # fmt: skip
        compare(lambda value=value: utils.check_coroutine(value))
        if hasattr(value, "close"):
            value.close()
    assert served("litellm.coroutine") == before + 4
