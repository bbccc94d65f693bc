package dev.fastjvm.litellm;

import dev.fastjvm.bpe.Counter;
import dev.fastjvm.bpe.Ranks;
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
 * The builtin {@code litellm_load_ranks(ranks, pattern)}: a dict of bytes to int as a vocabulary; returns its number. The dict is
 * copied with the GIL, the table built without it. Declines what is no vocabulary.
 */
public final class LoadRanks extends Builtin {
    public LoadRanks() {
        super("litellm_load_ranks",
                "litellm_load_ranks($module, ranks, pattern, /)\n--\n\nLoad a vocabulary of tiktoken's.");
    }

    @Override
    protected long call(long args, long nargs) throws IOException {
        long dict = Memory.getLong(args);
        int pattern = (int) PyLong.value(Memory.getLong(args + 8));
        if (nargs != 2 || PyObjects.type(dict) != PyDict.TYPE || PyDict.isSplit(dict)) {
            return decline();
        }
        int count = (int) PyDict.size(dict);
        int[] ends = new int[count];
        int[] ranks = new int[count];
        byte[] bytes = new byte[1 << 16];
        long keys = PyDict.keys(dict);
        long stride = PyDict.stride(keys);
        long entry = PyDict.firstEntry(keys);
        long entries = PyDict.entryCount(keys);
        int found = 0;
        int end = 0;
        for (long i = 0; i < entries; i++, entry += stride) {
            long value = PyDict.entryValue(entry);
            if (value == 0) {
                continue;
            }
            long key = PyDict.entryKey(entry);
            if (PyObjects.type(key) != PyBytes.TYPE || PyObjects.type(value) != PyLong.TYPE
                    || PyLong.signedDigits(value) < 0 || PyLong.signedDigits(value) > 1) {
                return decline();
            }
            int length = Math.toIntExact(PyBytes.length(key));
            if (length == 0) {
                return decline();
            }
            if (end + length + Ranks.PADDING > bytes.length) {
                bytes = Arrays.copyOf(bytes, 2 * (end + length + Ranks.PADDING));
            }
            for (int k = 0; k < length; k++) {
                bytes[end + k] = Memory.getByte(PyBytes.data(key) + k);
            }
            end += length;
            ends[found] = end;
            ranks[found++] = (int) PyLong.value(value);
        }
        if (found != count) {
            return decline();
        }
        byte[] text = bytes;
        int[] number = {-1};
        Gil.without(() -> {
            Ranks made = new Ranks(count);
            for (int i = 0; i < count; i++) {
                int start = i == 0 ? 0 : ends[i - 1];
                made.put(text, start, ends[i] - start, ranks[i]);
            }
            if (made.isComplete()) {
                number[0] = Vocabularies.add(made, Counter.Pattern.values()[pattern]);
            }
        });
        return number[0] < 0 ? decline() : PyLong.of(number[0]);
    }
}
