package dev.fastjvm.litellm;

import dev.fastjvm.bpe.Ranks;
import dev.fastjvm.bpe.Spellings;
import dev.fastjvm.cpython.Builtin;
import dev.fastjvm.cpython.PyBytes;
import dev.fastjvm.cpython.PyList;
import dev.fastjvm.cpython.PyLong;
import dev.fastjvm.cpython.PyObjects;
import dev.fastjvm.memory.Memory;
import java.util.Arrays;

/**
 * A builtin of a vocabulary's number and a list of tokens: their bytes, those of tokens that the vocabulary skips left out.
 *
 * <p>Declines other types than list and int, ids that no token has, and more bytes than an array takes. No Python code runs meanwhile,
 * so the list stays as it is.
 */
public final class DecodeTokens extends Builtin {
    private static final int KEPT = 1 << 16;

    private byte[] room = new byte[KEPT];

    /** One by a name: encodings and tokenizers have theirs, so that each is counted for itself. */
    public DecodeTokens(String name) {
        super(name, name + "($module, vocabulary, tokens, /)\n--\n\nJoin the bytes of tokens.");
    }

    @Override
    protected long call(long args, long nargs) {
        long list = Memory.getLong(args + 8);
        if (nargs != 2 || PyObjects.type(list) != PyList.TYPE) {
            return decline();
        }
        Vocabularies.Vocabulary vocabulary =
                Vocabularies.get((int) PyLong.value(Memory.getLong(args)));
        Spellings spellings = vocabulary.spellings();
        if (spellings == null) {
            return decline();
        }
        long items = PyList.items(list);
        long size = PyList.size(list);
        byte[] bytes = room;
        int end = 0;
        for (long i = 0; i < size; i++) {
            long item = Memory.getLong(items + 8 * i);
            if (PyObjects.type(item) != PyLong.TYPE) {
                return decline();
            }
            long digits = PyLong.signedDigits(item);
            if (digits < 0 || digits > 1) {
                return decline();
            }
            long id = digits == 0 ? 0 : PyLong.digit(item, 0);
            int length = spellings.size(id);
            if (length == 0 && vocabulary.skips(id)) {
                continue;
            }
            if (length == 0 || end > Integer.MAX_VALUE / 4) {
                return decline();
            }
            if (end + length + Ranks.PADDING > bytes.length) {
                bytes = Arrays.copyOf(bytes, 2 * (end + length + Ranks.PADDING));
            }
            spellings.copy((int) id, bytes, end);
            end += length;
        }
        long made = PyBytes.of(0, end);
        if (made != 0) {
            Memory.copyIn(bytes, PyBytes.data(made), end);
        }
        room = bytes.length <= 16 * KEPT ? bytes : room;
        return made;
    }
}
