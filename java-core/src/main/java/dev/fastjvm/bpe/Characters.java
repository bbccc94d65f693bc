package dev.fastjvm.bpe;

import java.util.Arrays;
import java.util.concurrent.atomic.AtomicReferenceArray;

/**
 * What the bytes of a character are merged to before anything else may happen to them, so that a piece begins with these tokens and
 * not with its bytes.
 *
 * <p>As long as the bytes of a character are not merged as far as they are alone, one of the merges that do this is possible. Let all tokens
 * of some of its bytes, or all, and of bytes beside it have ranks above those of all these merges. Then none of them comes first, nor would
 * if the character were merged at once: to begin with it merged changes nothing, whatever the order of ranks is. Where one may have a
 * lower rank, the character begins as bytes.
 *
 * <p>Representation: an int for each code point, found when it is met, in pages; and the least ranks of tokens that
 * reach over a border, by a hash of the part within and the byte beside it, but for those of a whole character that are above its own. Where hashes are the same, more characters begin
 * as bytes, no more than that. Read by many threads.
 */
final class Characters {
    /** All bytes of a character are tokens. */
    static final int BYTES = 7;

    private static final int BITS = 13;
    private static final int SPREAD = 0x9E3779B1;
    /** In the place of a byte beside a character: any of ASCII's, any other. */
    private static final int ANY_ASCII = 256;
    private static final int ANY_OTHER = 257;
    private static final int BEGUN = 8;
    private static final int ENDED = 32;
    private static final int FLAGS = 7;

    private final Ranks ranks;
    /**
     * Bits of the second to the fourth byte, set where a token begins; whether a token may reach over the start from ASCII, from others,
     * over the end to ASCII, to others; highest rank of the merges within << 7; 0 where it was not met yet. Any thread that meets it finds the same.
     */
    private final AtomicReferenceArray<int[]> pages = new AtomicReferenceArray<>(0x1100);
    private final int[] least = new int[1 << BITS];

    Characters(Ranks ranks) {
        this.ranks = ranks;
        Arrays.fill(least, Ranks.NONE);
        ranks.each(this::note);
    }

    long bytes() {
        return 4L * (least.length + pages.length());
    }

    /**
     * The tokens that a character of two bytes or more begins as.
     *
     * @param start the piece's start
     * @param stop its end
     * @return bits of the second to the fourth byte, set where a token begins
     */
    int of(byte[] text, int at, int size, int start, int stop) {
        int codePoint = text[at] & 0x7F >> size;
        for (int i = 1; i < size; i++) {
            codePoint = codePoint << 6 | text[at + i] & 0x3F;
        }
        int[] page = pages.get(codePoint >> 8);
        int found = page == null ? 0 : page[codePoint & 0xFF];
        if (found == 0) {
            found = alone(text, at, size);
            page(codePoint >> 8)[codePoint & 0xFF] = found;
        }
        return (found & 15 * BEGUN) != 0 && isTorn(text, at, size, start, stop, found) ? BYTES
                : found & BYTES;
    }

    /** Whether a token that reaches over a border may come first. */
    private boolean isTorn(byte[] text, int at, int size, int start, int stop, int found) {
        int most = found >>> FLAGS;
        if (at > start && (found & BEGUN << (text[at - 1] >>> 31)) != 0) {
            int beside = text[at - 1] & 0xFF;
            for (int i = 1; i <= size; i++) {
                if (least[slot(text, at, i, beside)] <= most) {
                    return true;
                }
            }
        }
        int end = at + size;
        if (end < stop && (found & ENDED << (text[end] >>> 31)) != 0) {
            int beside = text[end] & 0xFF;
            for (int i = 1; i <= size; i++) {
                if (least[slot(text, end - i, i, beside)] <= most) {
                    return true;
                }
            }
        }
        return false;
    }

    /** Keeps the rank of a token of some bytes of its first or last character, or all, and of others. */
    private void note(byte[] bytes, int start, int length, int rank) {
        int stop = start + length;
        int last = stop - 1;
        while (last > start && isInner(bytes[last])) {
            last--;
        }
        if (last > start && mayTear(bytes, last, stop - last, rank)) {
            note(bytes, last, stop - last, bytes[last - 1], rank);
        }
        int first = start;
        while (first < stop && isInner(bytes[first])) {
            first++;
        }
        int size = first > start ? first - start : size(bytes[start]);
        if (size < length
                && (first > start ? size < 4 : mayTear(bytes, start, size, rank))) {
            note(bytes, start, size, bytes[start + size], rank);
        }
    }

    /** Whether bytes are of a character, and not a whole one whose own merges have lower ranks. */
    private boolean mayTear(byte[] bytes, int start, int length, int rank) {
        int size = size(bytes[start]);
        if (length != size) {
            return length < size;
        }
        return size > 1 && highest(merged(bytes, start, size)) >= rank;
    }

    private void note(byte[] bytes, int start, int length, byte beside, int rank) {
        int slot = slot(bytes, start, length, beside & 0xFF);
        least[slot] = Math.min(least[slot], rank);
        slot = slot(bytes, start, length, beside < 0 ? ANY_OTHER : ANY_ASCII);
        least[slot] = Math.min(least[slot], rank);
    }

    private static int slot(byte[] bytes, int start, int length, int beside) {
        int key = beside;
        for (int i = 0; i < length; i++) {
            key = key * 67 + bytes[start + i];
        }
        return key * SPREAD >>> 32 - BITS;
    }

    private int[] page(int number) {
        pages.compareAndSet(number, null, new int[256]);
        return pages.get(number);
    }

    private int alone(byte[] text, int at, int size) {
        long merged = merged(text, at, size);
        int most = highest(merged);
        if (most < 0) {
            return BYTES;
        }
        int flags = 0;
        for (int i = 1; i <= size; i++) {
            for (int any = ANY_ASCII; any <= ANY_OTHER; any++) {
                flags |= least[slot(text, at, i, any)] <= most ? BEGUN << any - ANY_ASCII : 0;
                flags |= least[slot(text, at + size - i, i, any)] <= most ? ENDED << any - ANY_ASCII
                        : 0;
            }
        }
        return most << FLAGS | flags | (int) merged >> 1 & (1 << size - 1) - 1;
    }

    private static int highest(long merged) {
        return (int) (merged >> 32);
    }

    /** Merges a character alone: bits of the bytes that tokens start with, and the highest rank << 32, -1 where nothing is merged. */
    private long merged(byte[] bytes, int start, int size) {
        int starts = (2 << size) - 1; // and the end
        int most = -1;
        while (true) {
            int rank = Ranks.NONE;
            int gone = 0;
            for (int at = 0; at < size;) {
                int second = after(starts, at);
                int both = second < size ? ranks.get(bytes, start + at, after(starts, second) - at)
                        : Ranks.NONE;
                gone = both < rank ? second : gone;
                rank = Math.min(rank, both);
                at = second;
            }
            if (rank == Ranks.NONE) {
                return (long) most << 32 | starts;
            }
            most = Math.max(most, rank);
            starts ^= 1 << gone;
        }
    }

    private static int after(int starts, int at) {
        return at + 1 + Integer.numberOfTrailingZeros(starts >>> at + 1);
    }

    private static boolean isInner(byte one) {
        return (one & 0xC0) == 0x80;
    }

    /** How many bytes a character has, by its first. */
    static int size(byte first) {
        return first >= 0 ? 1 : first < (byte) 0xE0 ? 2 : first < (byte) 0xF0 ? 3 : 4;
    }
}
