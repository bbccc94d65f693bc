package dev.fastjvm.bpe;

/** Split patterns, by what they differ in. */
public enum Pattern {
    /** tiktoken's r50k_base, p50k_base, p50k_edit, gpt2. */
    R50K,
    /** cl100k_base. */
    CL100K,
    /** o200k_base, o200k_harmony. */
    O200K
}
