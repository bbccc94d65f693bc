package dev.fastjvm.litellm;

import dev.fastjvm.bpe.TokenCounter;
import dev.fastjvm.cpython.CApi;
import dev.fastjvm.cpython.Interpreter;
import dev.fastjvm.cpython.PyList;
import dev.fastjvm.cpython.PyLong;
import dev.fastjvm.cpython.PyObjects;

/**
 * The builtin {@code litellm_encode_tokens(vocabulary, text)}: the list that {@code encode_ordinary(text)} makes.
 */
public final class EncodeTokens extends TextBuiltin {
    /** One by a name: encodings and tokenizers have theirs, so that each is counted for itself. */
    public EncodeTokens(String name) {
        super(name,
                name + "($module, vocabulary, text, /)\n--\n\nEncode a text.",
                1 << 26);
    }

    @Override
    int tokens(TokenCounter counter, int length) {
        return counter.encode(length);
    }

    @Override
    long made(TokenCounter counter, int count) {
        return list(counter.ids(), count);
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
}
