package dev.fastjvm.litellm;

import dev.fastjvm.bpe.TokenCounter;
import dev.fastjvm.cpython.PyLong;

/**
 * The builtin {@code litellm_count_tokens(vocabulary, text)}: how many tokens {@code encode(text, disallowed_special=())} makes.
 */
public final class CountTokens extends TextBuiltin {
    /** One by a name: encodings and tokenizers have theirs, so that each is counted for itself. */
    public CountTokens(String name) {
        super(name,
                name + "($module, vocabulary, text, /)\n--\n\nCount the tokens of a text.",
                1 << 26);
    }

    @Override
    int tokens(TokenCounter counter, int length) {
        return counter.count(length);
    }

    @Override
    long made(TokenCounter counter, int count) {
        return PyLong.of(count);
    }
}
