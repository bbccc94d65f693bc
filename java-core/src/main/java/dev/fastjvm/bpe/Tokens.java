package dev.fastjvm.bpe;

import java.util.Arrays;

/** Tokens behind each other in one array, with their ids; {@link Ranks#PADDING} bytes lie behind the last. */
public final class Tokens {
    private byte[] bytes = new byte[1 << 10];
    private int[] ends;
    private int[] ids;
    private int count;
    private int shorts;
    private int most;

    /** Room for so many; it grows. */
    public Tokens(int room) {
        ends = new int[Math.max(room, 16)];
        ids = new int[ends.length];
    }

    /** Room for {@code length} bytes more behind the last token, at {@link #used}. */
    public byte[] room(int length) {
        int wanted = used() + length + Ranks.PADDING;
        if (wanted > bytes.length) {
            bytes = Arrays.copyOf(bytes, 2 * wanted);
        }
        return bytes;
    }

    /** Where the last token ends. */
    public int used() {
        return count == 0 ? 0 : ends[count - 1];
    }

    /** Takes the {@code length} bytes at {@link #used} as a token. */
    public void took(int length, int id) {
        if (count == ids.length) {
            ends = Arrays.copyOf(ends, 2 * count);
            ids = Arrays.copyOf(ids, 2 * count);
        }
        ends[count] = used() + length;
        ids[count++] = id;
        shorts += length <= 8 ? 1 : 0;
        most = Math.max(most, id + 1);
    }

    void put(byte[] text, int start, int length, int id) {
        System.arraycopy(text, start, room(length), used(), length);
        took(length, id);
    }

    public int count() {
        return count;
    }

    public int id(int i) {
        return ids[i];
    }

    public int start(int i) {
        return i == 0 ? 0 : ends[i - 1];
    }

    public int end(int i) {
        return ends[i];
    }

    /** One more than the highest id. */
    public int most() {
        return most;
    }

    public byte[] bytes() {
        return bytes;
    }

    /** A table of the first {@code first} tokens. */
    public Ranks table(int first) {
        int small = 0;
        for (int i = 0; i < first; i++) {
            small += ends[i] - start(i) <= 8 ? 1 : 0;
        }
        Ranks ranks = new Ranks(small, first - small);
        for (int i = 0; i < first; i++) {
            ranks.put(bytes, start(i), ends[i] - start(i), ids[i]);
        }
        return ranks;
    }

    /** A table of all tokens. */
    public Ranks table() {
        return table(count);
    }

    /** The bytes by id. */
    public Spellings spellings() {
        return new Spellings(bytes, Arrays.copyOf(ends, count), Arrays.copyOf(ids, count), most);
    }
}
