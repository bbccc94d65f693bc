package dev.fastjvm.litellm;

import dev.fastjvm.bpe.TokenCounter;
import dev.fastjvm.cpython.Gil;
import dev.fastjvm.cpython.PyLong;
import dev.fastjvm.cpython.PyUnicode;
import java.io.IOException;

/**
 * The builtin {@code litellm_count_tokens(vocabulary, text)}: how many tokens {@code encode(text, disallowed_special=())} makes.
 *
 * <p>Declines lone surrogates, code points that this JVM's Unicode does not know, and blanks in a row so many that tiktoken's regex may
 * give up. Texts beyond a few KB are counted without the GIL, as tiktoken does.
 */
public final class CountTokens extends TextBuiltin {
    /** One by a name: encodings and tokenizers have theirs, so that each is counted for itself. */
    public CountTokens(String name) {
        super(name,
                name + "($module, vocabulary, text, /)\n--\n\nCount the tokens of a text.",
                1 << 26);
    }

    @Override
    long of(int number, long data, int length) throws IOException {
        Vocabularies.Vocabulary vocabulary = Vocabularies.get(number);
        TokenCounter counter = vocabulary.take();
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
        for (int number = 0; number < Vocabularies.MOST; number++) {
            if (Vocabularies.get(number) == null) {
                continue;
            }
            Vocabularies
                    .fill(Vocabularies.get(number).fresh(), PyUnicode.asciiData(sample), length)
                    .count(length);
        }
        return System.nanoTime() - start;
    }
}
