package dev.fastjvm.litellm;

import dev.fastjvm.bpe.Pattern;
import dev.fastjvm.bpe.Ranks;
import dev.fastjvm.bpe.Spellings;
import dev.fastjvm.cpython.Builtin;
import dev.fastjvm.cpython.Gil;
import dev.fastjvm.cpython.PyBytes;
import dev.fastjvm.cpython.PyDict;
import dev.fastjvm.cpython.PyLong;
import dev.fastjvm.cpython.PyObjects;
import dev.fastjvm.memory.Memory;
import java.io.IOException;
import java.util.Arrays;

/**
 * The builtin {@code litellm_load_ranks(ranks, specials, pattern)}: two dicts of bytes to int as a vocabulary; returns its number. The
 * dicts are copied with the GIL, the tables built without it. Declines what is no vocabulary.
 */
public final class LoadRanks extends Builtin {
    /** Tokens behind each other, with {@link Ranks#PADDING} bytes behind the last. */
    private static final class Tokens {
        private byte[] bytes = new byte[1 << 16];
        private final int[] ends;
        private final int[] ids;
        private int count;
        private int end;
        private int shorts;
        private int most;

        Tokens(int room) {
            ends = new int[room];
            ids = new int[room];
        }

        /** Takes a dict's items; whether each is a token. */
        boolean read(long dict) {
            long keys = PyDict.keys(dict);
            long stride = PyDict.stride(keys);
            long entry = PyDict.firstEntry(keys);
            long entries = PyDict.entryCount(keys);
            for (long i = 0; i < entries; i++, entry += stride) {
                long value = PyDict.entryValue(entry);
                if (value == 0) {
                    continue;
                }
                long key = PyDict.entryKey(entry);
                if (PyObjects.type(key) != PyBytes.TYPE || PyObjects.type(value) != PyLong.TYPE
                        || PyLong.signedDigits(value) < 0 || PyLong.signedDigits(value) > 1
                        || PyBytes.length(key) == 0 || count == ids.length) {
                    return false;
                }
                put(PyBytes.data(key), Math.toIntExact(PyBytes.length(key)),
                        (int) PyLong.value(value));
            }
            return true;
        }

        private void put(long data, int length, int id) {
            if (end + length + Ranks.PADDING > bytes.length) {
                bytes = Arrays.copyOf(bytes, 2 * (end + length + Ranks.PADDING));
            }
            for (int k = 0; k < length; k++) {
                bytes[end + k] = Memory.getByte(data + k);
            }
            end += length;
            ends[count] = end;
            ids[count++] = id;
            shorts += length <= 8 ? 1 : 0;
            most = Math.max(most, id + 1);
        }
    }

    public LoadRanks() {
        super("litellm_load_ranks",
                "litellm_load_ranks($module, ranks, specials, pattern, /)\n--\n\nLoad a vocabulary of tiktoken's.");
    }

    @Override
    protected long call(long args, long nargs) throws IOException {
        long dict = Memory.getLong(args);
        long specials = Memory.getLong(args + 8);
        if (nargs != 3 || !isTable(dict) || !isTable(specials)) {
            return decline();
        }
        int pattern = (int) PyLong.value(Memory.getLong(args + 16));
        int count = (int) PyDict.size(dict);
        int all = count + (int) PyDict.size(specials);
        Tokens tokens = new Tokens(all);
        if (!tokens.read(dict) || tokens.count != count) {
            return decline();
        }
        int shorts = tokens.shorts;
        if (!tokens.read(specials) || tokens.count != all || tokens.most > 4 * all + 4096) {
            return decline();
        }
        int[] number = {-1};
        Gil.without(() -> number[0] = load(tokens, count, shorts, Pattern.values()[pattern]));
        return number[0] < 0 ? decline() : PyLong.of(number[0]);
    }

    private static boolean isTable(long dict) {
        return PyObjects.type(dict) == PyDict.TYPE && !PyDict.isSplit(dict);
    }

    private static int load(Tokens tokens, int count, int shorts, Pattern pattern) {
        Ranks ranks = new Ranks(shorts, count - shorts);
        for (int i = 0; i < count; i++) {
            int start = i == 0 ? 0 : tokens.ends[i - 1];
            ranks.put(tokens.bytes, start, tokens.ends[i] - start, tokens.ids[i]);
        }
        if (!ranks.isComplete()) {
            return -1;
        }
        Spellings spellings =
                new Spellings(tokens.bytes, tokens.ends, tokens.ids, tokens.most);
        return Vocabularies.add(new Vocabularies.Vocabulary(ranks, pattern, spellings));
    }
}
