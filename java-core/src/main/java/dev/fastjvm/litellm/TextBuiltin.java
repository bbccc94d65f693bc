package dev.fastjvm.litellm;

import dev.fastjvm.bpe.TokenCounter;
import dev.fastjvm.cpython.Builtin;
import dev.fastjvm.cpython.Gil;
import dev.fastjvm.cpython.PyBytes;
import dev.fastjvm.cpython.PyLong;
import dev.fastjvm.cpython.PyObjects;
import dev.fastjvm.cpython.PyUnicode;
import dev.fastjvm.memory.Memory;
import java.io.IOException;

/**
 * A builtin of a vocabulary's number and a str.
 *
 * <p>Declines other types, lone surrogates, code points that this JVM's Unicode does not know, texts beyond a length, and blanks in a row
 * so many that tiktoken's regex may give up. Texts beyond a few KB are cut and merged without the GIL.
 */
abstract class TextBuiltin extends Builtin {
    private static final int SHORT = 1 << 13;

    private final long most;
    private final long cell = Memory.allocate(8);

    TextBuiltin(String name, String doc, long most) {
        super(name, doc);
        this.most = most;
    }

    @Override
    protected final long call(long args, long nargs) throws IOException {
        long str = Memory.getLong(args + 8);
        if (nargs != 2 || PyObjects.type(str) != PyUnicode.TYPE || PyUnicode.length(str) > most) {
            return decline();
        }
        int number = (int) PyLong.value(Memory.getLong(args));
        if (PyUnicode.isCompactAscii(str)) {
            return of(number, PyUnicode.asciiData(str), (int) PyUnicode.length(str));
        }
        long data = PyUnicode.utf8(str, cell);
        return data == 0 ? decline() : of(number, data, (int) Memory.getLong(cell));
    }

    private long of(int number, long data, int length) throws IOException {
        Vocabularies.Vocabulary vocabulary = Vocabularies.get(number);
        TokenCounter counter = vocabulary.take();
        int count;
        if (length <= SHORT) {
            count = tokens(Vocabularies.fill(counter, data, length), length);
        } else {
            int[] found = new int[1];
            Gil.without(
                    () -> found[0] = tokens(Vocabularies.fill(counter, data, length), length));
            count = found[0];
        }
        long made = count < 0 ? decline() : made(counter, count);
        vocabulary.give(counter);
        return made;
    }

    /** How many tokens the {@code length} bytes are that the counter was filled with; -1 to decline. */
    abstract int tokens(TokenCounter counter, int length);

    /** The new object for so many tokens; 0 with PyErr set. */
    abstract long made(TokenCounter counter, int count);

    /** Works at each line of a sample, bytes of UTF-8, and at all of it, with every vocabulary there is. */
    @Override
    public final long warm(long sample) {
        long start = System.nanoTime();
        long data = PyBytes.data(sample);
        long end = data + PyBytes.length(sample);
        for (int number = 0; number < Vocabularies.MOST; number++) {
            Vocabularies.Vocabulary vocabulary = Vocabularies.get(number);
            if (vocabulary == null) {
                continue;
            }
            TokenCounter counter = vocabulary.fresh();
            warm(counter, data, end);
            for (long at = data, from = data; at < end; at++) {
                if (Memory.getByte(at) == '\n') {
                    warm(counter, from, at + 1);
                    from = at + 1;
                }
            }
        }
        return System.nanoTime() - start;
    }

    private void warm(TokenCounter counter, long from, long to) {
        int length = (int) (to - from);
        tokens(Vocabularies.fill(counter, from, length), length);
    }
}
