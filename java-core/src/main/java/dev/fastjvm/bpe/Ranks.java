package dev.fastjvm.bpe;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * The ranks of a vocabulary: bytes to int.
 *
 * <p>Representation: two open-addressing tables. Tokens of up to eight bytes are keys of one word, with their length beside the
 * rank; longer ones lie behind each other in one array, and are found by a hash and compared. Filled once, then read by
 * many threads.
 */
public final class Ranks {
    /** Not a token. */
    public static final int NONE = Integer.MAX_VALUE;
    /** Ranks are below. */
    public static final int MOST = 1 << 25;
    /** Bytes that must be readable behind a text. */
    public static final int PADDING = 8;

    /** Of tokens. */
    interface Taker {
        void take(byte[] bytes, int start, int length, int rank);
    }

    static final VarHandle WORD =
            MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
    private static final long SPREAD = 0x9E3779B97F4A7C15L;

    private final int shift;
    private final int longShift;
    private final long[] words;
    /** Rank << 4 | length; 0 where the place is empty. */
    private final long[] values;
    private final long[] longHashes;
    /** Place of the bytes; -1 where the place is empty. */
    private final int[] longPlaces;
    private final int[] longSizes;
    private final int[] longRanks;
    private byte[] bytes = new byte[1 << 16];
    /** Made when they are asked for. */
    private int[] pairs;
    private Characters characters;
    private int used;
    private int longest;

    /** A table for so many tokens of up to eight bytes, and so many longer ones. */
    public Ranks(int shorts, int longs) {
        int size = size(shorts);
        shift = 64 - Integer.numberOfTrailingZeros(size);
        words = new long[size];
        values = new long[size];
        int longSize = size(longs);
        longShift = 64 - Integer.numberOfTrailingZeros(longSize);
        longHashes = new long[longSize];
        longPlaces = new int[longSize];
        longSizes = new int[longSize];
        longRanks = new int[longSize];
        Arrays.fill(longPlaces, -1);
    }

    /** A power of two that leaves half of the places empty, or more. */
    private static int size(int count) {
        return Integer.highestOneBit(Math.max(16, 2 * count - 1)) << 1;
    }

    /** Bytes of its tables. */
    public long bytes() {
        return 16L * words.length + 20L * longHashes.length + bytes.length
                + (pairs == null ? 0 : 4L * pairs.length)
                + (characters == null ? 0 : characters.bytes());
    }

    /** Puts a token in; {@link #PADDING} bytes lie behind it. */
    public void put(byte[] text, int start, int length, int rank) {
        longest = Math.max(longest, length);
        if (length <= 8) {
            long word = word(text, start, length);
            int place = place(word, length);
            while (values[place] != 0) {
                place = place + 1 & words.length - 1;
            }
            words[place] = word;
            values[place] = (long) rank << 4 | length;
            return;
        }
        if (used + length + PADDING > bytes.length) {
            bytes = Arrays.copyOf(bytes, 2 * (used + length));
        }
        System.arraycopy(text, start, bytes, used, length);
        long hash = hash(text, start, length);
        int place = (int) (hash >>> longShift);
        while (longPlaces[place] >= 0) {
            place = place + 1 & longHashes.length - 1;
        }
        longHashes[place] = hash;
        longPlaces[place] = used;
        longSizes[place] = length;
        longRanks[place] = rank;
        used += length;
    }

    /** Whether each single byte is a token, as any text needs. */
    public boolean isComplete() {
        byte[] one = new byte[1 + PADDING];
        for (int i = 0; i < 256; i++) {
            one[0] = (byte) i;
            if (get(one, 0, 1) == NONE) {
                return false;
            }
        }
        return true;
    }

    /** The rank of bytes, or {@link #NONE}. */
    public int get(byte[] text, int start, int length) {
        if (length > 8) {
            return length > longest ? NONE : getLong(text, start, length);
        }
        long word = word(text, start, length);
        int place = place(word, length);
        while (true) {
            long value = values[place];
            if (value == 0) {
                return NONE;
            }
            if (words[place] == word && (value & 15) == length) {
                return (int) (value >>> 4);
            }
            place = place + 1 & words.length - 1;
        }
    }

    /** Makes what the first counter asks for. */
    public void prepare() {
        pairs();
        characters();
    }

    /** Ranks of all pairs of bytes, by the first << 8 | the second. */
    synchronized int[] pairs() {
        if (pairs == null) {
            int[] made = new int[1 << 16];
            byte[] two = new byte[2 + PADDING];
            for (int i = 0; i < made.length; i++) {
                two[0] = (byte) (i >> 8);
                two[1] = (byte) i;
                made[i] = get(two, 0, 2);
            }
            pairs = made;
        }
        return pairs;
    }

    /** What characters are merged to. */
    synchronized Characters characters() {
        if (characters == null) {
            characters = new Characters(this);
        }
        return characters;
    }

    /** Gives each token to someone. */
    void each(Taker taker) {
        byte[] few = new byte[8 + PADDING];
        for (int i = 0; i < words.length; i++) {
            if (values[i] != 0) {
                WORD.set(few, 0, words[i]);
                taker.take(few, 0, (int) values[i] & 15, (int) (values[i] >>> 4));
            }
        }
        for (int i = 0; i < longPlaces.length; i++) {
            if (longPlaces[i] >= 0) {
                taker.take(bytes, longPlaces[i], longSizes[i], longRanks[i]);
            }
        }
    }

    private int getLong(byte[] text, int start, int length) {
        long hash = hash(text, start, length);
        int place = (int) (hash >>> longShift);
        while (true) {
            int at = longPlaces[place];
            if (at < 0) {
                return NONE;
            }
            if (longHashes[place] == hash && longSizes[place] == length
                    && Arrays.equals(bytes, at, at + length, text, start, start + length)) {
                return longRanks[place];
            }
            place = place + 1 & longHashes.length - 1;
        }
    }

    private int place(long word, int length) {
        long mixed = (word ^ word >>> 32) * SPREAD + length * SPREAD;
        return (int) ((mixed ^ mixed << 29) >>> shift);
    }

    /** Up to eight bytes as one word. */
    static long word(byte[] text, int start, int length) {
        return (long) WORD.get(text, start) & -1L >>> 64 - 8 * length;
    }

    private static long hash(byte[] text, int start, int length) {
        long hash = length;
        int last = start + length - 8;
        for (int at = start; at < last; at += 8) {
            hash = (hash ^ (long) WORD.get(text, at)) * SPREAD;
            hash ^= hash >>> 29;
        }
        hash = (hash ^ (long) WORD.get(text, last)) * SPREAD;
        return hash ^ hash << 31;
    }
}
