"""``plugins: [recorder.Recorder]``: an axolotl plugin that writes down what a training did, whichever processes do it."""

from __future__ import annotations

import atexit
import hashlib
import json
import mmap
import os
import struct
import sys
from pathlib import Path
from typing import Any

from axolotl.integrations.base import BasePlugin

_CHAT = "axolotl.chat_template"


class Recorder(BasePlugin):
    """Each step's loss before it is rounded for a log, the weights at the end, what the patches served.

    Each process that read the YAML writes a file into `RECORDER_FOLDER` at its end. Rows are made in its forked children, which
    end without a last word: what they served lies in memory that they share.
    """

    def __init__(self) -> None:
        super().__init__()
        self._found: dict[str, Any] = {"losses": [], "weights": None}
        self._chat = mmap.mmap(-1, 16)

    def register(self, cfg: Any) -> None:
        from axolotl.prompt_strategies.chat_template import ChatTemplateStrategy

        original = ChatTemplateStrategy.get_conversation_thread
        ours: Any = ChatTemplateStrategy._tokenize_single_prompt

        def get_conversation_thread(*arguments: Any) -> Any:
            counts = getattr(ours, "served", 0), getattr(ours, "declined", 0)
            self._chat[:16] = struct.pack("qq", *counts)
            return original(*arguments)

        ChatTemplateStrategy.get_conversation_thread = get_conversation_thread
        atexit.register(self._write)

    def post_trainer_create(self, cfg: Any, trainer: Any) -> None:
        step = trainer.training_step

        def training_step(*arguments: Any, **named: Any) -> Any:
            loss = step(*arguments, **named)
            self._found["losses"].append(loss.item().hex())
            return loss

        trainer.training_step = training_step

    def post_train(self, cfg: Any, model: Any) -> None:
        digest = hashlib.sha256()
        for name, value in sorted(model.state_dict().items()):
            digest.update(name.encode() + value.detach().cpu().contiguous().numpy().tobytes())
        self._found["weights"] = digest.hexdigest()

    def _write(self) -> None:
        patches = {}
        if "fast_jvm" in sys.modules:
            import fast_jvm

            patches = {p.name: [p.calls, p.declines] for p in fast_jvm.status().patches}
            served, declined = struct.unpack("qq", self._chat[:16])
            patches[_CHAT] = [served + declined, declined]
        text = json.dumps({**self._found, "patches": patches})
        Path(os.environ["RECORDER_FOLDER"], f"{os.getpid()}.json").write_text(text)
