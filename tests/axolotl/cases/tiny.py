"""A tokenizer trained on generated text, a model of random weights and a dataset of chats: no hub, some seconds to train."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

RNG = random.Random(5)
WORDS = ["".join(RNG.choices("etaoinshrdlu", k=1 + n % 8)) for n in range(400)]
SPECIAL = ["<unk>", "<|endoftext|>", "<|im_start|>", "<|im_end|>"]


def text(rng: random.Random, least: int, most: int) -> str:
    """Some generated words."""
    return " ".join(rng.choices(WORDS, k=rng.randint(least, most)))


def write_model(folder: Path) -> None:
    """A Llama of two layers beside its tokenizer."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(
        [text(RNG, 20, 60) for _ in range(300)],
        trainers.BpeTrainer(
            vocab_size=900,
            special_tokens=SPECIAL,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<|endoftext|>", eos_token="<|im_end|>",
        pad_token="<|endoftext|>", unk_token="<unk>",
    ).save_pretrained(folder)  # fmt: skip
    torch.manual_seed(1)
    config = LlamaConfig(
        vocab_size=1024, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=2, max_position_embeddings=2048, bos_token_id=1, eos_token_id=3,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)


def chats(count: int, seed: int = 0, most: int = 40) -> list[dict[str, Any]]:
    """Conversations of one to three questions; every fifth is a copy of an earlier one."""
    rng = random.Random(seed)
    rows: list[dict[str, Any]] = []
    for number in range(count):
        if number % 5 == 4:
            rows.append(rng.choice(rows))
            continue
        turns = [{"role": "system", "content": text(rng, 2, 6)}] if rng.random() < 0.3 else []
        for _ in range(rng.randint(1, 3)):
            turns.append({"role": "user", "content": text(rng, 1, most)})
            turns.append({"role": "assistant", "content": text(rng, 1, most)})
        rows.append({"messages": turns})
    return rows


def write_rows(path: Path, rows: list[dict[str, Any]], array: bool = False) -> None:
    """JSON lines, or one array."""
    if array:
        path.write_text(json.dumps(rows))
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def config(model: Path, rows: Path, work: Path, **more: Any) -> dict[str, Any]:
    """A configuration that packs, deduplicates and has a validation set."""
    return {
        "base_model": str(model),
        "datasets": [{"path": str(rows), "ds_type": "json", "type": "chat_template"}],
        "chat_template": "chatml",
        "dataset_prepared_path": str(work / "prepared"),
        "output_dir": str(work / "out"),
        "dataset_exact_deduplication": True,
        "dataset_num_proc": 1,
        "val_set_size": 0.1,
        "sequence_len": 256,
        "sample_packing": True,
        "eval_sample_packing": False,
        "pad_to_sequence_len": True,
        "micro_batch_size": 1,
        "gradient_accumulation_steps": 1,
        "num_epochs": 1,
        "max_steps": 20,
        "learning_rate": 0.01,
        "optimizer": "adamw_torch",
        "lr_scheduler": "constant",
        "attn_implementation": "sdpa",
        "bf16": False,
        "fp16": False,
        "tf32": False,
        "seed": 7,
        "logging_steps": 1,
        "save_strategy": "no",
        "dataloader_num_workers": 0,
        **more,
    }
