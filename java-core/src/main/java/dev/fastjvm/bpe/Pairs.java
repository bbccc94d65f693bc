package dev.fastjvm.bpe;

/**
 * The merges of a BPE model: two tokens' ids to a rank and the id of what they become.
 *
 * <p>Representation: one open-addressing table, two words a place. Filled once, then read by many threads.
 */
final class Pairs {
    /** No merge; above each that there is. */
    static final long NONE = Long.MAX_VALUE;

    private static final long SPREAD = 0x9E3779B97F4A7C15L;
    private static final long EMPTY = -1;

    private final int shift;
    /** A pair at even places, what it becomes at odd ones. */
    private final long[] table;

    Pairs(int count) {
        int size = Integer.highestOneBit(Math.max(16, 2 * count - 1)) << 1;
        shift = 64 - Integer.numberOfTrailingZeros(size);
        table = new long[2 * size];
        java.util.Arrays.fill(table, EMPTY);
    }

    /** Puts a merge in, in the place of one of the same pair. */
    void put(int left, int right, int rank, int id) {
        long pair = pair(left, right);
        int place = place(pair);
        while (table[place] != EMPTY && table[place] != pair) {
            place = place + 2 & table.length - 1;
        }
        table[place] = pair;
        table[place + 1] = (long) rank << 32 | id;
    }

    /** Rank << 32 | id of the merged token, or {@link #NONE}. */
    long get(int left, int right) {
        long pair = pair(left, right);
        int place = place(pair);
        while (true) {
            long found = table[place];
            if (found == pair) {
                return table[place + 1];
            }
            if (found == EMPTY) {
                return NONE;
            }
            place = place + 2 & table.length - 1;
        }
    }

    long bytes() {
        return 8L * table.length;
    }

    private static long pair(int left, int right) {
        return (long) left << 32 | right;
    }

    private int place(long pair) {
        long mixed = (pair ^ pair >>> 29) * SPREAD;
        return (int) ((mixed ^ mixed << 31) >>> shift) << 1;
    }
}
