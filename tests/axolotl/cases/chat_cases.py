"""Chat rows: the original's ids, labels and masks, whatever the template and the switches."""

from __future__ import annotations

import copy
import logging
import os
import random
from typing import Any

import pytest
from axolotl.prompt_strategies import chat_template
from axolotl.prompt_strategies.chat_template import ChatTemplatePrompter, ChatTemplateStrategy
from axolotl.utils.chat_templates import base
from calls import declined, outcome, served
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from fast_axolotl._chat import differing

single: Any = ChatTemplateStrategy._tokenize_single_prompt
original: Any = single.__wrapped__
FOLDER = os.path.join(os.path.dirname(base.__file__), "templates")
TEMPLATES = {
    name[: -len(".jinja")]: open(os.path.join(FOLDER, name), encoding="utf-8").read()
    for name in sorted(os.listdir(FOLDER))
    if name.endswith(".jinja")
}
ENDS = ["</s>", "<|im_end|>", "<|eot_id|>", "<end_of_turn>", "<|end|>", "<|endoftext|>"]
WORDS = ["".join(random.Random(n).choices("abcdeäß日 ", k=1 + n % 7)) for n in range(300)]


def trained() -> PreTrainedTokenizerFast:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    rng = random.Random(7)
    tokenizer.train_from_iterator(
        [" ".join(rng.choices(WORDS, k=60)) for _ in range(200)],
        trainers.BpeTrainer(
            vocab_size=900,
            special_tokens=["<unk>", "<s>", "<pad>", "<|im_start|>", *ENDS],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        ),
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", pad_token="<pad>", unk_token="<unk>"
    )  # fmt: skip


TOKENIZER = trained()

contents = st.one_of(
    st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join),
    st.text(max_size=10),
    st.sampled_from(["[[", "zz", "[[dummy_message]]", "z", "]", "<think>a b</think> c", "</s>", " a ", "a\n", ""]),
)  # fmt: skip
details = st.lists(
    st.builds(
        lambda begin, size, train: {
            "begin_offset": begin,
            "end_offset": begin + size,
            "train": train,
        },
        st.integers(0, 8),
        st.integers(0, 8),
        st.booleans(),
    ),
    max_size=3,
)
parts = st.lists(
    st.fixed_dictionaries(
        {"type": st.just("text"), "text": contents}, optional={"train": st.booleans()}
    ),
    max_size=3,
)
messages = st.lists(
    st.fixed_dictionaries(
        {"role": st.sampled_from(["user", "assistant", "human", "gpt"]), "content": contents},
        optional={
            "train": st.booleans(),
            "detail": details,
            "reasoning_content": st.one_of(contents, parts),
        },
    ),
    max_size=4,
)
tools = st.sampled_from(
    [None, None, [{"type": "function", "function": {"name": "f", "description": "d", "parameters": '{"type": "object", "properties": {}}'}}], "no JSON", 5]
)  # fmt: skip


@st.composite
def conversations(draw: Any) -> Any:
    """Mostly what templates want: a system turn perhaps, then user and assistant in turn."""
    found = draw(messages)
    if draw(st.integers(0, 4)):
        for number, message in enumerate(found):
            message["role"] = ("user", "assistant")[number % 2]
    if draw(st.booleans()):
        found.insert(0, {"role": "system", "content": draw(contents)})
    if found and draw(st.integers(0, 5)) == 0:
        found[-1]["content"] = draw(parts)
    if found and draw(st.integers(0, 7)) == 0:
        found[-1] = {"role": "assistant", "content": "x", "tool_calls": [{"type": "function", "id": "abcdefghi", "function": {"name": "f", "arguments": '{"a": 1}'}}]}  # fmt: skip
    row = {"messages": found}
    given_tools = draw(tools)
    if given_tools is not None:
        row["tools"] = given_tools
    if draw(st.integers(0, 5)) == 0:
        row["system"] = draw(contents)
    return row


SWITCHES = st.fixed_dictionaries(
    {
        "train_on_inputs": st.booleans(),
        "roles_to_train": st.sampled_from(
            [None, [], ["assistant"], ["assistant"], ["gpt", "user"]]
        ),
        "train_on_eos": st.sampled_from([None, "turn", "all", "last", "none"]),
        "train_on_eot": st.sampled_from([None, None, "turn", "all", "last"]),
        "eot_tokens": st.sampled_from([None, None, ["<|im_end|>"], ENDS]),
        "split_thinking": st.sampled_from([False, False, True]),
    }
)
PROMPTS = st.fixed_dictionaries(
    {
        "message_field_training": st.sampled_from([None, "train"]),
        "message_field_training_detail": st.sampled_from([None, "detail"]),
        "drop_system_message": st.booleans(),
        "chat_template_kwargs": st.sampled_from([None, {}, {"enable_thinking": False}]),
    }
)
counts: dict[str, int] = {}


@settings(max_examples=120, phases=[Phase.explicit, Phase.generate])
@given(
    st.sampled_from(sorted(TEMPLATES)),
    SWITCHES,
    PROMPTS,
    st.lists(conversations(), min_size=1, max_size=3),
)
def test_rows(name: str, switches: Any, prompts: Any, rows: list[Any]) -> None:
    try:
        prompter = ChatTemplatePrompter(TOKENIZER, TEMPLATES[name], max_length=512, **prompts)
        strategy = ChatTemplateStrategy(prompter, TOKENIZER, sequence_len=512, **switches)
    except ValueError:
        return
    for row in rows:
        one, other = copy.deepcopy(row), copy.deepcopy(row)
        want = outcome(original, strategy, one)
        got = outcome(single, strategy, other)
        assert got == want and one == other
        if isinstance(want, dict):
            assert list(got) == list(want)
            counts[name] = counts.get(name, 0) + any(label != -100 for label in want["labels"])


def test_templates_that_were_rendered() -> None:
    print("rows with labels by template:", counts)
    assert single.served > 120


@pytest.mark.parametrize("name", sorted(TEMPLATES))
def test_each_template(name: str) -> None:
    """A conversation that each renders, so that labels are there to compare."""
    rng = random.Random(name)
    prompter = ChatTemplatePrompter(TOKENIZER, TEMPLATES[name], max_length=512)
    found = 0
    for eos in ("turn", "all", "last", "none"):
        strategy = ChatTemplateStrategy(prompter, TOKENIZER, False, 512, ["assistant"], eos)
        for _ in range(4):
            texts = [" ".join(rng.choices(WORDS, k=rng.randint(1, 30))) for _ in range(6)]
            roles = ["user", "assistant"] * rng.randint(1, 3)
            row = {
                "messages": [{"role": role, "content": text} for role, text in zip(roles, texts)]
            }
            want = outcome(original, strategy, copy.deepcopy(row))
            assert outcome(served, single, strategy, copy.deepcopy(row)) == want
            found += isinstance(want, dict) and any(label != -100 for label in want["labels"])
    assert found


@pytest.mark.parametrize("train_on_eos", ["turn", "all", "last"])
def test_served(train_on_eos: str) -> None:
    prompter = ChatTemplatePrompter(TOKENIZER, TEMPLATES["chatml"], max_length=512)
    strategy = ChatTemplateStrategy(prompter, TOKENIZER, False, 512, ["assistant"], train_on_eos, eot_tokens=["<|im_end|>"] if train_on_eos == "turn" else None)  # fmt: skip
    row = {
        "messages": [
            {"role": role, "content": f"{role} says ä" * 300} for role in ("user", "assistant") * 3
        ]
    }
    assert served(single, strategy, row) == original(strategy, row)
    batch = {"messages": [row["messages"], row["messages"][:2]]}
    before = single.served
    assert len(strategy.tokenize_prompt(batch)["input_ids"]) == 2 and single.served == before + 2


def test_the_log_is_the_originals(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Any] = []
    monkeypatch.setattr(chat_template.LOG, "warning", lambda *words: told.append(words))
    prompter = ChatTemplatePrompter(
        TOKENIZER, TEMPLATES["chatml"], max_length=512, message_field_training="train"
    )
    strategy = ChatTemplateStrategy(
        prompter, TOKENIZER, False, 512, ["assistant"], "turn", eot_tokens=["<|im_end|>"]
    )
    row = {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": ""}, {"role": "user", "content": "b"}]}  # fmt: skip
    served(single, strategy, copy.deepcopy(row))
    ours, told[:] = list(told), []
    original(strategy, copy.deepcopy(row))
    assert ours == told and ours


def test_what_is_left_to_the_original(monkeypatch: pytest.MonkeyPatch) -> None:
    row = {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b c"}]}

    def make(strategy: Any = ChatTemplateStrategy, prompter: Any = ChatTemplatePrompter, tokenizer: Any = TOKENIZER, roles: Any = ("assistant",), eos: Any = "turn", **more: Any) -> Any:  # fmt: skip
        made = prompter(tokenizer, TEMPLATES["chatml"], max_length=512, **more)
        return strategy(
            made, tokenizer, False, 512, roles, eos, eot_tokens=["<|im_end|>"] if eos else None
        )

    def same(strategy: Any) -> None:
        want = outcome(original, strategy, copy.deepcopy(row))
        assert declined(single, strategy, copy.deepcopy(row)) == want

    class OwnStrategy(ChatTemplateStrategy):
        def find_turn(self, *_: Any, **__: Any) -> Any:
            return 0, 2

    class OwnPrompter(ChatTemplatePrompter):
        pass

    class OwnTokenizer(PreTrainedTokenizerFast):
        def __call__(self, *words: Any, **more: Any) -> Any:
            return super().__call__(*words, **more)

    same(make(roles=None, eos=None))
    same(make(OwnStrategy))
    same(make(prompter=OwnPrompter))
    same(
        make(tokenizer=OwnTokenizer(tokenizer_object=TOKENIZER.backend_tokenizer, eos_token="</s>"))
    )
    same(make(chat_template_kwargs={"truncation": True, "max_length": 3}))
    mine = make()
    mine.find_turn = lambda **_: (0, 2)
    same(mine)
    monkeypatch.setattr(ChatTemplateStrategy, "find_turn", lambda self, **_: (1, 2))
    same(make())
    monkeypatch.undo()
    level = (
        chat_template.LOG.logger.level
        if hasattr(chat_template.LOG, "logger")
        else chat_template.LOG.level
    )
    chat_template.LOG.setLevel(logging.DEBUG)
    same(make())
    chat_template.LOG.setLevel(level)
    served(single, make(), row)


@settings(max_examples=500)
@given(
    st.text("ab", max_size=12),
    st.text("ab", max_size=12),
    st.text("ab", max_size=12),
    st.text("ab", max_size=12),
)
def test_differing(head: str, one: str, other: str, tail: str) -> None:
    text, dummy = head + one + tail, head + other + tail
    assert differing(text, dummy) == ChatTemplateStrategy._diff_char_span(text, dummy)
