"""Chat rows: one render and one encode with offsets in place of two of each, no character loop, no labels put into texts.

Plain Python: what is left is Jinja and the tokenizer's own Rust. Each turn is still found by rendering the conversation with
two placeholders, as the original does: what a template makes of a turn only the template knows.
"""

from __future__ import annotations

import logging
from bisect import bisect_left, bisect_right
from typing import Any, Callable, Dict, List, Optional, Tuple

from fast_jvm._registry import Activate, Meter
from fast_jvm._serving import Serving, finish

_STRATEGY = (
    "tokenize_prompt",
    "_build_turn_locator",
    "_find_turn_from_text",
    "_diff_char_span",
    "_build_dummy_turn",
    "find_turn",
    "find_first_eos_token",
    "find_first_eot_token",
    "_SENTINELS",
)
_PROMPTER = ("build_prompt", "build_prompt_text")
_TOKENIZER = ("apply_chat_template", "__call__", "_encode_plus")
_RENDER_ONLY = frozenset(
    (
        "conversation tools tokenize padding truncation max_length return_tensors return_dict real_last_index"
        " return_assistant_tokens_mask tokenizer_kwargs continue_final_message add_generation_prompt chat_template"
    ).split()
)
"""Arguments of apply_chat_template that a configuration may not give: they are no template's variables."""
_NEAR = 4
"""A turn's end token stands before this many tokens behind it, or is of no account."""


def make_tokenize_single_prompt(
    original: Callable[..., Any], meter: Meter
) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of ChatTemplateStrategy._tokenize_single_prompt and its switch."""
    serving = Serving("axolotl.chat_template")
    known: List[Any] = []

    def _tokenize_single_prompt(self: Any, prompt: Any) -> Any:
        if serving:
            if not known:
                known.append(_Known())
            if known[0].serves(self):
                replacement.served += 1
                return known[0].tokenize(self, prompt)
            replacement.declined += 1
        return original(self, prompt)

    replacement: Any = _tokenize_single_prompt
    return finish(replacement, serving)


class _Known:
    """The classes whose ways are known, as they were at the first call."""

    def __init__(self) -> None:
        from axolotl.prompt_strategies import chat_template
        from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

        self._log = chat_template.LOG
        self._ignored = chat_template.IGNORE_TOKEN_ID
        self._strategy = chat_template.ChatTemplateStrategy
        self._prompter = chat_template.ChatTemplatePrompter
        self._fast, self._base = PreTrainedTokenizerFast, PreTrainedTokenizerBase
        self._seen = self._look()

    def _look(self) -> List[Any]:
        found = [vars(self._strategy).get(name) for name in _STRATEGY]
        return found + [vars(self._prompter).get(name) for name in _PROMPTER]

    def serves(self, strategy: Any) -> bool:
        """Whether nothing of a strategy is somebody's own."""
        prompter, tokenizer = strategy.prompter, strategy.tokenizer
        if type(strategy) is not self._strategy or type(prompter) is not self._prompter:
            return False
        if prompter.processor or prompter.tokenizer is not tokenizer:
            return False
        if not (
            strategy.roles_to_train
            or strategy.train_on_eos
            or strategy.train_on_eot
            or prompter.message_field_training
            or prompter.message_field_training_detail
        ):
            return False  # the first turns and all of them, each encoded once: nothing to save
        kind = type(tokenizer)
        if not isinstance(tokenizer, self._fast) or not tokenizer.is_fast:
            return False
        if (
            kind.apply_chat_template is not self._base.apply_chat_template
            or kind.__call__ is not self._base.__call__
            or kind._encode_plus is not self._fast._encode_plus
        ):
            return False
        for each, names in ((strategy, _STRATEGY), (prompter, _PROMPTER), (tokenizer, _TOKENIZER)):
            if not each.__dict__.keys().isdisjoint(names):
                return False
        if not _RENDER_ONLY.isdisjoint(prompter.chat_template_kwargs):
            return False
        return self._look() == self._seen and not self._log.isEnabledFor(logging.DEBUG)

    def tokenize(self, strategy: Any, prompt: Any) -> Dict[str, List[int]]:
        """Return what the original does, by the same steps."""
        prompter, tokenizer = strategy.prompter, strategy.tokenizer
        turns = strategy.get_conversation_thread(prompt)
        tools = strategy._get_tools(prompt)
        text = prompter.build_prompt_text(turns, tools=tools)
        locator: Optional[_Locator] = None
        if text:
            encoded = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
            input_ids = encoded["input_ids"]
            locator = _Locator(text, encoded["offset_mapping"])
        else:
            input_ids = prompter.build_prompt(turns, tools=tools)
            strategy._log_fallback_once("no plain-text render (processor or empty)")
        labels = [self._ignored] * len(input_ids)
        eos: Any = None
        looked = False
        last_eot = last_eos = -1
        on_eos, on_eot = strategy.train_on_eos, strategy.train_on_eot
        thinking_key = prompter.template_thinking_key
        for index, turn in enumerate(turns):
            detail = turn.get("training_detail")
            reasoning_detail = turn.get("reasoning_training_detail")
            train = turn.get("training")
            if train is None:
                if detail is not None or reasoning_detail is not None:
                    train = bool(detail) or bool(reasoning_detail)
                else:
                    train = strategy.train_on_inputs or turn.get("role") in strategy.roles_to_train
            if not train and on_eos != "all" and on_eot != "all":
                if index == len(turns) - 1:
                    self._log.warning(
                        "Last turn is not trainable, skipping having to find the turn indices. "
                        "This may cause incorrect last EOT/EOS token to be unmasked."
                        "This is likely a dataset design issue. Please ensure last turn is trainable."
                    )
                continue
            has_reasoning = thinking_key and turn.get(thinking_key) is not None
            content_only = bool((detail or reasoning_detail) and has_reasoning)
            start, end = self._find(strategy, turns, index, tools, content_only, False, locator)
            if train and start != -1 and end != -1:
                if detail:
                    content = turn.get("content")
                    if not isinstance(content, str):
                        raise ValueError(
                            "`train_detail` is not supported when `content` is not a string."
                        )
                    self._details(prompter, content, detail, start, input_ids, labels)
                elif not reasoning_detail:
                    labels[start:end] = input_ids[start:end]
            if train and reasoning_detail and has_reasoning:
                reasoning = turn[thinking_key]
                if not isinstance(reasoning, str):
                    raise ValueError(
                        "`reasoning_training_detail` is not supported when reasoning_content is not a string."
                    )
                first, behind = self._find(strategy, turns, index, tools, False, True, locator)
                if first != -1 and behind != -1:
                    self._details(prompter, reasoning, reasoning_detail, first, input_ids, labels)
            if not looked:
                eos, looked = tokenizer.eos_token_id, True
            near = range(end, min(len(input_ids), end + _NEAR))
            eot_ids = strategy._eot_token_ids
            found = next((at for at in near if input_ids[at] in eot_ids), -1)
            if found != -1:
                last_eot = found
                if on_eot == "all" or (on_eot == "turn" and train):
                    labels[found] = input_ids[found]
            found = next((at for at in near if input_ids[at] == eos), -1)
            if found != -1:
                last_eos = found
                if on_eos == "all" or (on_eos == "turn" and train):
                    labels[found] = input_ids[found]
        for last, option in ((last_eot, on_eot), (last_eos, on_eos)):
            if option == "last" and last != -1:
                labels[last] = input_ids[last]
        return {
            "input_ids": input_ids,
            "labels": labels,
            "attention_mask": [1] * len(input_ids),
        }

    def _details(
        self, prompter: Any, text: str, detail: Any, start: int, ids: List[int], labels: List[int]
    ) -> None:
        for number, offset in enumerate(prompter.get_offsets_for_train_detail(text, detail), start):
            if offset != self._ignored and number < len(ids):
                labels[number] = ids[number]

    def _find(
        self,
        strategy: Any,
        turns: List[Any],
        index: int,
        tools: Any,
        content_only: bool,
        reasoning_only: bool,
        locator: Optional[_Locator],
    ) -> Tuple[int, int]:
        """As find_turn: a turn's first token and the one behind its last, or -1 and -1."""
        tokenizer = strategy.tokenizer
        if (
            index == 0
            and turns[0].get("role") == "system"
            and "mistral" in tokenizer.name_or_path.lower()
        ):
            return -1, -1
        span: Any = None
        if locator is not None:
            span = locator.find(strategy, turns, index, tools, content_only, reasoning_only)
        if span is None:
            dummy = strategy._build_dummy_turn(
                turns[index], content_only, reasoning_only, strategy._SENTINELS[0]
            )
            span = strategy._find_turn_from_tokens(turns, index, dummy, tools)
        if span is None:
            return -1, -1
        start, end = span
        if start == -1 or end == -1:
            return -1, -1
        if end < start:
            self._log.warning(f"Content end boundary is before start boundary for turn {index}")
            return -1, -1
        if end == start:
            self._log.warning(
                f"Content end boundary is the same as start boundary for turn {index}. This is likely an empty turn."
            )
            return -1, -1
        return start, end


class _Locator:
    """A rendered conversation and where its tokens begin and end."""

    __slots__ = ("_ends", "_offsets", "_starts", "_text")

    def __init__(self, text: str, offsets: Any) -> None:
        self._text, self._offsets = text, offsets
        self._starts: List[int] = []
        self._ends: List[int] = []

    def find(
        self,
        strategy: Any,
        turns: List[Any],
        index: int,
        tools: Any,
        content_only: bool,
        reasoning_only: bool,
    ) -> Optional[Tuple[int, int]]:
        """As _find_turn_from_text: a turn's tokens, (-1, -1) where it is not rendered, None where that is not known."""
        text = self._text
        spans = []
        for sentinel in strategy._SENTINELS:
            dummy = strategy._build_dummy_turn(turns[index], content_only, reasoning_only, sentinel)
            other = strategy.prompter.build_prompt_text(
                turns[:index] + [dummy] + turns[index + 1 :], tools=tools
            )
            if not other:
                return None
            spans.append(differing(text, other))
        first = min(start for start, _ in spans)
        behind = max(end for _, end in spans)
        if behind <= first:
            return -1, -1
        if not self._ends and self._offsets:
            self._starts = [start for start, _ in self._offsets]
            self._ends = [end for _, end in self._offsets]
        start = bisect_right(self._ends, first)
        end = bisect_left(self._starts, behind)
        if start >= len(self._ends) or end > len(self._ends):
            return None
        return start, end


def differing(text: str, other: str) -> Tuple[int, int]:
    """Return where a text first differs from another, and where what they end with alike begins."""
    limit = min(len(text), len(other))
    start = _alike(text, other, limit)
    size, more = len(text), len(other)
    limit -= start
    if text[size - limit :] == other[more - limit :]:
        return start, size - limit
    few = 0
    while limit - few > 1:  # the last `few` are alike, of the last `limit` some are not
        half = (few + limit) // 2
        if text[size - half : size - few] == other[more - half : more - few]:
            few = half
        else:
            limit = half
    return start, size - few


def _alike(text: str, other: str, limit: int) -> int:
    if text[:limit] == other[:limit]:
        return limit
    few = 0
    while limit - few > 1:  # the first `few` are alike, of the first `limit` some are not
        half = (few + limit) // 2
        if text[few:half] == other[few:half]:
            few = half
        else:
            limit = half
    return few
