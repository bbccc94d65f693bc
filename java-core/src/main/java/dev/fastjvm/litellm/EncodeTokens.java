package dev.fastjvm.litellm;

import dev.fastjvm.bpe.TokenCounter;
import dev.fastjvm.cpython.CApi;
import dev.fastjvm.cpython.Gil;
import dev.fastjvm.cpython.Interpreter;
import dev.fastjvm.cpython.PyList;
import dev.fastjvm.cpython.PyLong;
import dev.fastjvm.cpython.PyObjects;
import dev.fastjvm.cpython.PyUnicode;
import java.io.IOException;

/**
 * The builtin {@code litellm_encode_tokens(vocabulary, text)}: the list that {@code encode_ordinary(text)} makes.
 *
 * <p>Declines lone surrogates, code points that this JVM's Unicode does not know, and blanks in a row so many that tiktoken's regex may give up.
 * Texts beyond a few KB are cut and merged without the GIL; ints are made with it.
 */
public final class EncodeTokens extends TextBuiltin {
    /** One by a name: encodings and tokenizers have theirs, so that each is counted for itself. */
    public EncodeTokens(String name) {
        super(name,
                name + "($module, vocabulary, text, /)\n--\n\nEncode a text.",
                1 << 26);
    }

    @Override
    long of(int number, long data, int length) throws IOException {
        Vocabularies.Vocabulary vocabulary = Vocabularies.get(number);
        TokenCounter counter = vocabulary.take();
        int count;
        if (length <= SHORT) {
            count = Vocabularies.fill(counter, data, length).encode(length);
        } else {
            int[] found = new int[1];
            Gil.without(
                    () -> found[0] = Vocabularies.fill(counter, data, length).encode(length));
            count = found[0];
        }
        long made = count < 0 ? decline() : list(counter.ids(), count);
        vocabulary.give(counter);
        return made;
    }

    /** Owned list of the first {@code count} ids; 0 with PyErr set. */
    static long list(int[] ids, int count) {
        boolean gc = Interpreter.pauseGc();
        try {
            long list = CApi.Leaf.PyList_New(count);
            for (int i = 0; list != 0 && i < count; i++) {
                long id = PyLong.of(ids[i]);
                if (id == 0) {
                    PyObjects.decref(list);
                    return 0;
                }
                PyList.setItem(list, i, id);
            }
            return list;
        } finally {
            Interpreter.resumeGc(gc);
        }
    }

    /** Encodes a sample, a str of ASCII, with every vocabulary there is. */
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
                    .encode(length);
        }
        return System.nanoTime() - start;
    }
}
