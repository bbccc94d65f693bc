package dev.fastjvm.litellm;

import dev.fastjvm.bpe.Counter;
import dev.fastjvm.cpython.Builtin;
import dev.fastjvm.cpython.Gil;
import dev.fastjvm.cpython.PyLong;
import dev.fastjvm.cpython.PyObjects;
import dev.fastjvm.cpython.PyUnicode;
import dev.fastjvm.memory.Memory;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * The builtin {@code litellm_count_tokens(vocabulary, text)}: how many tokens {@code encode(text, disallowed_special=())} makes.
 *
 * <p>Declines lone surrogates, code points that this JVM's Unicode does not know, and texts so long that the regex's own limits may
 * matter. Texts beyond a few KB are counted without the GIL, as tiktoken does.
 */
public final class CountTokens extends Builtin {
    private static final int MOST = 1 << 16;
    private static final int SHORT = 1 << 13;

    private final long cell = Memory.allocate(8);

    public CountTokens() {
        super("litellm_count_tokens",
                "litellm_count_tokens($module, vocabulary, text, /)\n--\n\nCount the tokens of a text.");
    }

    @Override
    protected long call(long args, long nargs) throws IOException {
        long str = Memory.getLong(args + 8);
        if (nargs != 2 || PyObjects.type(str) != PyUnicode.TYPE
                || PyUnicode.length(str) > MOST) {
            return decline();
        }
        long data;
        int length;
        if (PyUnicode.isCompactAscii(str)) {
            data = PyUnicode.asciiData(str);
            length = (int) PyUnicode.length(str);
        } else {
            data = PyUnicode.utf8(str, cell);
            length = (int) Memory.getLong(cell);
            if (data == 0) {
                return decline();
            }
        }
        Vocabularies.Vocabulary vocabulary =
                Vocabularies.get((int) PyLong.value(Memory.getLong(args)));
        Counter counter = vocabulary.take();
        int count;
        if (length <= SHORT) {
            count = count(counter, data, length);
        } else {
            int[] found = new int[1];
            Gil.without(() -> found[0] = count(counter, data, length));
            count = found[0];
        }
        vocabulary.give(counter);
        return count < 0 ? decline() : PyLong.of(count);
    }

    private static int count(Counter counter, long data, int length) {
        MemorySegment.copy(Memory.segment(data, length), ValueLayout.JAVA_BYTE, 0,
                counter.room(length), 0, length);
        return counter.count(length);
    }

    /** Counts a sample, a str of ASCII, with every vocabulary there is. */
    @Override
    public long warm(long sample) {
        long start = System.nanoTime();
        int length = (int) PyUnicode.length(sample);
        for (int number = 0; Vocabularies.get(number) != null; number++) {
            count(Vocabularies.get(number).fresh(), PyUnicode.asciiData(sample), length);
        }
        return System.nanoTime() - start;
    }
}
