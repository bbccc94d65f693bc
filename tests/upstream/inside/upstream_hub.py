"""``python upstream_hub.py SDIST HOME``: what axolotl's tests fetch from the model hub, made here, in the layout of its cache.

No hub is reachable, and each test of axolotl's begins by fetching models, tokenizers and datasets. Those that its conftest
names are generated: a BPE tokenizer trained on generated text, a Llama of two small layers with random weights, generated rows.
A test that looks for a real model's tokens or losses fails on these, with us and without, and is not in the record.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import sys
from pathlib import Path
from typing import Any

SDIST, HOME = map(Path, sys.argv[1:3])
os.environ.update(HF_HOME=str(HOME), HF_HUB_OFFLINE="1", AXOLOTL_DO_NOT_TRACK="1")

import torch  # noqa: E402
from datasets import Dataset, DatasetDict, load_dataset  # noqa: E402
from tokenizers import (  # noqa: E402
    Tokenizer,
    decoders,
    models,
    pre_tokenizers,
    processors,
    trainers,
)
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast  # noqa: E402

COMMIT = "0" * 40
REVISIONS = ("main", "d05c1cb", "703fb4a", "ea82cff")
FAMILIES: dict[str, tuple[str | None, str, str | None, str | None]] = {
    # in a name: begin, end, padding, which of axolotl's chat templates
    "instruct-tokenizer": ("<|begin_of_text|>", "<|eot_id|>", None, "llama3"),
    "llama-3-8b-instruct": ("<|begin_of_text|>", "<|eot_id|>", None, "llama3"),
    "llama-3": ("<|begin_of_text|>", "<|end_of_text|>", None, None),
    "qwen": (None, "<|im_end|>", "<|endoftext|>", "qwen3"),
    "smollm2-135m-instruct": ("<|im_start|>", "<|im_end|>", "<|im_end|>", "chatml"),
    "smollm2": ("<|endoftext|>", "<|endoftext|>", None, None),
    "phi-4": ("<|endoftext|>", "<|im_end|>", "<|endoftext|>", "phi_4"),
    "phi-3": ("<s>", "<|endoftext|>", "<|endoftext|>", "phi_35"),
    "gemma": ("<bos>", "<eos>", "<pad>", "gemma"),
    "mistral": ("<s>", "</s>", None, "mistral_v1"),
    "": ("<s>", "</s>", None, None),
}
SPECIAL = (
    "<unk> <s> </s> <pad> <bos> <eos> <|endoftext|> <|im_start|> <|im_end|> <|begin_of_text|> <|end_of_text|> <|eot_id|>"
    " <|start_header_id|> <|end_header_id|> <|system|> <|user|> <|assistant|> <|end|> <start_of_turn> <end_of_turn>"
    " [INST] [/INST] <think> </think> <tool_call> </tool_call> <tool_response> </tool_response>"
).split()
RNG = random.Random(11)
WORDS = ["".join(RNG.choices("etaoinshrdlu", k=1 + n % 8)) for n in range(800)]


def sentence(least: int, most: int) -> str:
    """Generated words."""
    return " ".join(RNG.choices(WORDS, k=RNG.randint(least, most))).capitalize() + "."


def trained() -> Tokenizer:
    """A byte-level BPE; it knows the special tokens of all families, so that one training does for all."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    texts = [sentence(20, 80) for _ in range(400)]
    texts += [path.read_text() for path in sorted((SDIST / "tests").rglob("test_*.py"))[:60]]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(
        texts, trainers.BpeTrainer(vocab_size=3000, special_tokens=SPECIAL, initial_alphabet=alphabet, show_progress=False)
    )  # fmt: skip
    return tokenizer


def write_tokenizer(name: str, shared: str, folder: Path) -> None:
    """The tokenizer under a name: its family's begin and end, and the chat template that axolotl has for it."""
    from axolotl.utils.chat_templates import _CHAT_TEMPLATES

    family = next(each for each in FAMILIES if each in name.lower())
    begin, end, padding, template = FAMILIES[family]
    tokenizer = Tokenizer.from_str(shared)
    if begin in ("<s>", "<bos>", "<|begin_of_text|>"):
        tokenizer.post_processor = processors.TemplateProcessing(
            single=f"{begin} $A",
            pair=f"{begin} $A {begin} $B",
            special_tokens=[(begin, tokenizer.token_to_id(begin))],
        )
    made: Any = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token=begin, eos_token=end, unk_token="<unk>", pad_token=padding
    )  # fmt: skip
    if template:
        made.chat_template = _CHAT_TEMPLATES[template]
    made.save_pretrained(folder)


def snapshot(name: str, kind: str) -> Path:
    """The folder of a repository in the hub's cache."""
    folder = HOME / "hub" / f"{kind}s--{name.replace('/', '--')}"
    (folder / "refs").mkdir(parents=True, exist_ok=True)
    for revision in REVISIONS:
        (folder / "refs" / revision).write_text(COMMIT)
    inside = folder / "snapshots" / COMMIT
    inside.mkdir(parents=True, exist_ok=True)
    return inside


def alpaca(count: int) -> Dataset:
    """Rows with some copies among them."""
    rows = [
        {
            "instruction": sentence(4, 14),
            "input": sentence(3, 20) if n % 3 else "",
            "output": sentence(5, 90),
        }
        for n in range(count)
    ]
    rows += rows[: count // 10]
    return Dataset.from_list([{**row, "text": " ".join(row.values())} for row in rows])


def write_rows(name: str, rows: Dataset) -> None:
    """As a repository, and as what datasets keeps of one that it has loaded."""
    inside = snapshot(name, "dataset")
    rows.to_parquet(inside / "train.parquet")
    kept = HOME / "datasets"
    loaded = load_dataset(
        "parquet", data_files={"train": str(inside / "train.parquet")}, cache_dir=str(kept / "made")
    )
    arrow = Path(loaded["train"].cache_files[0]["filename"])
    owner, _, own = name.partition("/")
    own = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", own).lower()
    target = kept / f"{owner}___{own}" / "default" / "0.0.0" / COMMIT
    target.mkdir(parents=True)
    shutil.copy(arrow, target / f"{own}-train.arrow")
    info = (arrow.parent / "dataset_info.json").read_text()
    info = re.sub(r'"dataset_name": "[^"]*"', f'"dataset_name": "{own}"', info)
    info = re.sub(r'"config_name": "[^"]*"', '"config_name": "default"', info)
    (target / "dataset_info.json").write_text(info)


def main() -> None:
    """Make all of it."""
    found = re.findall(
        r'snapshot_download_w_retry\(\s*"([^"]+)"(?:,\s*revision="[^"]+")?,\s*repo_type="(\w+)"',
        (SDIST / "tests" / "conftest.py").read_text(),
    )
    shared = trained().to_str()
    torch.manual_seed(0)
    for name in dict.fromkeys(name for name, kind in found if kind == "model"):
        inside = snapshot(name, "model")
        write_tokenizer(name, shared, inside)
        config = LlamaConfig(
            vocab_size=3072, hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4,
            num_key_value_heads=2, max_position_embeddings=8192, tie_word_embeddings=True,
        )  # fmt: skip
        LlamaForCausalLM(config).save_pretrained(inside)
    for name in dict.fromkeys(name for name, kind in found if kind == "dataset"):
        snapshot(name, "dataset")
    small, large = alpaca(2000), alpaca(4000)
    write_rows("mhenrichsen/alpaca_2k_test", small)
    write_rows("tatsu-lab/alpaca", large)
    plays = Dataset.from_list(
        [{"text": "\n".join(sentence(5, 12) for _ in range(400))} for _ in range(40)]
    )
    write_rows("winglian/tiny-shakespeare", plays)
    bundle = snapshot("axolotl-ai-internal/axolotl-oss-dataset-fixtures", "dataset")
    for name, rows in {
        "winglian__tiny-shakespeare": plays,
        "tatsu-lab__alpaca": large,
        "mhenrichsen__alpaca_2k_test": small,
    }.items():
        DatasetDict(train=rows).save_to_disk(bundle / name)


if __name__ == "__main__":
    main()
