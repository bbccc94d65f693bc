"""The patches of this package, in the order in which they are applied.

All are plain: numpy and Arrow are what pays in most of them, and each function runs so seldom, and for so long, that what
waited for a boot would serve nobody. Java packs (``_first_fit``) once it is up.
"""

from __future__ import annotations

from typing import Dict, FrozenSet, Tuple

from fast_jvm import Patch

_MULTIPACK = "axolotl.utils.samplers.multipack"
_SAMPLER = f"{_MULTIPACK}:MultipackBatchSampler"
_CHAT = "axolotl.prompt_strategies.chat_template"
_TOKENIZER = "transformers.tokenization_utils_base:PreTrainedTokenizerBase"
_JSON = "datasets.packaged_modules.json.json"
_PARQUET = "datasets.packaged_modules.parquet.parquet"
_LENGTHS = "axolotl.utils.samplers.utils"
_DATA = "axolotl.utils.data"
_STREAMING = f"{_DATA}.streaming"
_BATCHING = "axolotl.utils.collators.batching"
_FETCHER = "axolotl.monkeypatch.data.batch_dataset_fetcher"
_ITERABLE = "datasets.iterable_dataset"
_TRAINER = "axolotl.utils.trainer"

_PACKING = {
    f"{_MULTIPACK}:pack_group.py_func": frozenset({"b0eb2d400c17f84d"}),
    f"{_MULTIPACK}:_process_group": frozenset({"427167ab5b71b378"}),
    f"{_MULTIPACK}:pack_parallel": frozenset({"45f089f02758b90f"}),
    f"{_MULTIPACK}:allocate_sequentially.py_func": frozenset({"0176d0d66e8cddda"}),
}
_PADDING = {
    f"{_BATCHING}:DataCollatorForSeq2Seq": frozenset({"a6083ba592059dbb"}),
    f"{_TOKENIZER}.pad": frozenset({"00efc4e76f01d4b3"}),
    f"{_TOKENIZER}._pad": frozenset({"d496de9e99a59184"}),
    f"{_TOKENIZER}._get_padding_truncation_strategies": frozenset({"fde2847e077d93f7"}),
}


def _patch(
    name: str,
    target: str,
    code: str,
    make: str,
    also: Dict[str, FrozenSet[str]],
    requires: Dict[str, str],
    copies: Tuple[str, ...] = (),
    distribution: str = "axolotl",
    versions: str = ">=0.19,<0.20",
) -> Patch:
    return Patch(
        name=f"axolotl.{name}",
        package="fast_axolotl",
        target=target,
        distribution=distribution,
        versions=versions,
        codes=frozenset({code}),
        also=also,
        requires={"numpy": "!>=1.26,<3", **requires},
        builtins=(),
        make=f"fast_axolotl.{make}",
        prepare="fast_axolotl._first_fit:prepare",
        plain=True,
        copies=copies,
    )


PATCHES = (
    _patch(
        "get_dataset_lengths",
        f"{_LENGTHS}:get_dataset_lengths",
        "931afe1a069ecb4b",
        "_lengths:make_get_dataset_lengths",
        {},
        {"datasets": "!>=4,<6", "pyarrow": "!>=17"},
        (
            "axolotl.utils.samplers",
            "axolotl.utils.trainer",
            "axolotl.utils.data.utils",
            "axolotl.utils.data.streaming",
            "axolotl.core.trainers.base",
        ),
    ),
    _patch(
        "pack_parallel",
        f"{_MULTIPACK}:pack_parallel",
        "45f089f02758b90f",
        "_packing:make_pack_parallel",
        _PACKING,
        {},
    ),
    _patch(
        "generate_batches",
        f"{_SAMPLER}.generate_batches",
        "3ab01ca708c6e096",
        "_packing:make_generate_batches",
        _PACKING,
        {"torch": "!>=2.4,<3"},
    ),
    _patch(
        "sampler_len",
        f"{_SAMPLER}.__len__",
        "6e8d4a4431de627c",
        "_packing:make_len",
        {**_PACKING, f"{_SAMPLER}.generate_batches": frozenset({"3ab01ca708c6e096"})},
        {"torch": "!>=2.4,<3"},
    ),
    _patch(
        "deduplicate",
        f"{_DATA}.utils:deduplicate_and_log_datasets",
        "344588130a6d34be",
        "_deduplication:make_deduplicate",
        {
            f"{_DATA}.utils:_deduplicate_dataset": frozenset({"4eff78770b57d7b5"}),
            f"{_DATA}.utils:sha256": frozenset({"d431d8fb8ebc0e99"}),
        },
        {"datasets": "!>=4,<6", "pyarrow": "!>=17", "xxhash": "!>=3"},
        (f"{_DATA}.shared", f"{_DATA}.rl", f"{_DATA}.sft"),
    ),
    _patch(
        "prepare",
        f"{_DATA}.sft:_load_raw_datasets",
        "10fbc2a6193887cb",
        "_preparing:make_load_raw_datasets",
        {
            f"{_DATA}.utils:handle_long_seq_in_dataset": frozenset({"e40a687cb123d10e"}),
            f"{_DATA}.utils:_drop_outside_range": frozenset({"8f05295c0bb2aba7"}),
            f"{_DATA}.utils:_should_skip_processing": frozenset({"1331ef2cc82121ab"}),
            f"{_DATA}.shared:save_preprocessed_dataset": frozenset({"259240976fcab7ef"}),
            f"{_TRAINER}:filter_sequences_by_length": frozenset({"eb8f5c368c0c528c"}),
            f"{_TRAINER}:process_datasets_for_packing": frozenset({"10ef6468b44282e9"}),
            f"{_TRAINER}:add_position_ids": frozenset({"506071afb208874f"}),
            "datasets.arrow_dataset:Dataset.save_to_disk": frozenset({"9359c7e673811edd"}),
            "datasets.arrow_dataset:Dataset._save_to_disk_single": frozenset({"fc015b2409e3e44b"}),
        },
        {"datasets": "!>=4,<6", "pyarrow": "!>=17"},
    ),
    _patch(
        "json_array",
        f"{_JSON}:Json._generate_tables",
        "d9b2130aa626a519",
        "_loading:make_json_tables",
        {
            f"{_JSON}:Json._cast_table": frozenset({"54a7abd172d20ab8"}),
            "datasets.utils.json:find_mixed_struct_types_field_paths": frozenset(
                {"2e425f88a4169d94"}
            ),
            "datasets.utils.json:ujson_dumps": frozenset({"06b68c443bddac6f"}),
            "datasets.utils.json:ujson_loads": frozenset({"8d0a46a2e32b39b8"}),
        },
        {"pandas": "!>=2.2,<4", "pyarrow": "!>=17"},
        distribution="datasets",
        versions=">=4,<6",
    ),
    _patch(
        "parquet",
        f"{_PARQUET}:Parquet._generate_tables",
        "d336b82f002a3034",
        "_loading:make_parquet_tables",
        {f"{_PARQUET}:Parquet._cast_table": frozenset({"00b7e65aa0b6577a"})},
        {"pyarrow": "!>=17"},
        distribution="datasets",
        versions=">=4,<6",
    ),
    _patch(
        "chat_template",
        f"{_CHAT}:ChatTemplateStrategy._tokenize_single_prompt",
        "a36e86f04b4415eb",
        "_chat:make_tokenize_single_prompt",
        {
            f"{_CHAT}:ChatTemplateStrategy.find_turn": frozenset({"f3d2c982c9ebcc75"}),
            f"{_CHAT}:ChatTemplateStrategy._find_turn_from_text": frozenset({"5c4a9cba0ef5be53"}),
            f"{_CHAT}:ChatTemplateStrategy._diff_char_span": frozenset({"31a8a4bd804f8283"}),
            f"{_CHAT}:ChatTemplateStrategy._build_dummy_turn": frozenset({"a6cebbd5dc7cbfaf"}),
            f"{_CHAT}:ChatTemplateStrategy._build_turn_locator": frozenset({"4ed28a163f8caf44"}),
            f"{_CHAT}:ChatTemplateStrategy.find_first_eos_token": frozenset({"f6a623249580e251"}),
            f"{_CHAT}:ChatTemplateStrategy.find_first_eot_token": frozenset({"5da538e02ff55e63"}),
            f"{_CHAT}:ChatTemplatePrompter.build_prompt": frozenset({"961557eed0e491fa"}),
            f"{_CHAT}:ChatTemplatePrompter.build_prompt_text": frozenset({"9bcbe867470f3104"}),
            f"{_TOKENIZER}.apply_chat_template": frozenset({"78938abe25ebad37"}),
            f"{_TOKENIZER}.__call__": frozenset({"8ecaf5aab65b8981"}),
        },
        {"transformers": "!>=5,<6"},
    ),
    _patch(
        "streaming",
        f"{_STREAMING}:wrap_streaming_dataset",
        "f03c8e9a17917027",
        "_streaming:make_wrap_streaming_dataset",
        {
            **_PADDING,
            f"{_STREAMING}:encode_packed_streaming": frozenset({"6b76bd51dbb9dc27"}),
            f"{_STREAMING}:encode_streaming": frozenset({"eae49e6ac403a136"}),
            f"{_BATCHING}:PretrainingBatchSamplerDataCollatorForSeq2Seq": frozenset(
                {"a9f84b8bf8be374c"}
            ),
            "axolotl.utils.trainer:process_pretraining_datasets_for_packing": frozenset(
                {"9797e10f7b223cd1"}
            ),
            "axolotl.utils.trainer:filter_sequences_by_length": frozenset({"eb8f5c368c0c528c"}),
            "axolotl.utils.trainer:add_position_ids": frozenset({"506071afb208874f"}),
            "axolotl.prompt_strategies.pretrain:PretrainTokenizationStrategy": frozenset(
                {"017e70867b41655e"}
            ),
            "axolotl.datasets:TokenizedPromptDataset": frozenset({"82ff8282f11a2a91"}),
            "axolotl.datasets:wrap_dataset_for_tokenized_prompt": frozenset({"23e1609273b4318d"}),
            f"{_DATA}.wrappers:get_dataset_wrapper": frozenset({"9d3190a7eded6ed3"}),
            f"{_DATA}.wrappers:_is_dataset_already_tokenized": frozenset({"44b2392a85c09039"}),
            f"{_DATA}.wrappers:_handle_loaded_strategy": frozenset({"c9aa18659d52048b"}),
            f"{_ITERABLE}:MappedExamplesIterable._iter": frozenset({"54b3af3063f1b3c1"}),
            f"{_ITERABLE}:_batch_to_examples": frozenset({"f75a4c3593f9fe59"}),
            f"{_ITERABLE}:_examples_to_batch": frozenset({"efa2ecdc45b17f24"}),
            f"{_ITERABLE}:BufferShuffledExamplesIterable": frozenset({"5adaace8ca655f0b"}),
        },
        {
            "datasets": "!>=4,<6",
            "pyarrow": "!>=17",
            "torch": "!>=2.4,<3",
            "transformers": "!>=5,<6",
        },
        (_DATA, f"{_DATA}.sft"),
    ),
    _patch(
        "fetch",
        f"{_FETCHER}:_MapDatasetFetcher.fetch",
        "19e45a6c544ea151",
        "_fetching:make_fetch",
        {
            **_PADDING,
            f"{_BATCHING}:BatchSamplerDataCollatorForSeq2Seq": frozenset({"678f9253f5d8b4d3"}),
            f"{_BATCHING}:V2BatchSamplerDataCollatorForSeq2Seq": frozenset({"9fd87eba6803d374"}),
            "datasets.arrow_dataset:Dataset.__getitems__": frozenset({"12e735a485505aa4"}),
        },
        {
            "datasets": "!>=4,<6",
            "pyarrow": "!>=17",
            "torch": "!>=2.4,<3",
            "transformers": "!>=5,<6",
        },
    ),
)
