package dev.fastjvm.bpe;

/** Split patterns, by what they differ in. */
public enum Pattern {
    /** tiktoken's r50k_base, p50k_base, p50k_edit, gpt2, and the byte-level pre-tokenizer of {@code tokenizers}. */
    R50K,
    /** cl100k_base. */
    CL100K,
    /** o200k_base, o200k_harmony. */
    O200K,
    /** Llama 3's: cl100k's, but line ends in the blanks at a text's end are a piece. */
    LLAMA3,
    /** Qwen 2's: Llama 3's, with each number a piece. */
    QWEN2,
    /** Command R's: each number is a piece, between them r50k's. */
    DIGITS,
    /** Llama 2's, which splits nothing: cut where a blank follows another character, since no token goes on there. */
    BLANKS
}
