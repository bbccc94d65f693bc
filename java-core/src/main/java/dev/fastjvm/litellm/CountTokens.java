package dev.fastjvm.litellm;

import dev.fastjvm.bpe.Counter;
import dev.fastjvm.cpython.Gil;
import dev.fastjvm.cpython.PyLong;
import dev.fastjvm.cpython.PyUnicode;
import java.io.IOException;

/**
 * The builtin {@code litellm_count_tokens(vocabulary, text)}: how many tokens {@code encode(text, disallowed_special=())} makes.
 *
 * <p>Declines lone surrogates, code points that this JVM's Unicode does not know, and texts so long that the regex's own limits may
 * matter. Texts beyond a few KB are counted without the GIL, as tiktoken does.
 */
public final class CountTokens extends TextBuiltin {
    public CountTokens() {
        super("litellm_count_tokens",
                "litellm_count_tokens($module, vocabulary, text, /)\n--\n\nCount the tokens of a text.",
                1 << 16);
    }

    @Override
    long of(int number, long data, int length) throws IOException {
        Vocabularies.Vocabulary vocabulary = Vocabularies.get(number);
        Counter counter = vocabulary.take();
        int count;
        if (length <= SHORT) {
            count = Vocabularies.fill(counter, data, length).count(length);
        } else {
            int[] found = new int[1];
            Gil.without(
                    () -> found[0] = Vocabularies.fill(counter, data, length).count(length));
            count = found[0];
        }
        vocabulary.give(counter);
        return count < 0 ? decline() : PyLong.of(count);
    }

    /** Counts a sample, a str of ASCII, with every vocabulary there is. */
    @Override
    public long warm(long sample) {
        long start = System.nanoTime();
        int length = (int) PyUnicode.length(sample);
        for (int number = 0; Vocabularies.get(number) != null; number++) {
            Vocabularies
                    .fill(Vocabularies.get(number).fresh(), PyUnicode.asciiData(sample), length)
                    .count(length);
        }
        return System.nanoTime() - start;
    }
}
