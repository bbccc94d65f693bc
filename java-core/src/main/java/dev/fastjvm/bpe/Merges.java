package dev.fastjvm.bpe;

/**
 * The tokens of a piece as tiktoken finds them: bytes are tokens, and the rank of a pair is that of the token that both become.
 *
 * <p>Representation: of short pieces the pairs' ranks and places, one int each, are looked through for each merge, without a branch, and tokens'
 * starts are the bits of a word; long ones are a linked list with a heap of pairs.
 */
final class Merges extends Merger {
    private static final int SHORT_MASK = 63;
    private static final int NONE = Integer.MAX_VALUE;

    private final Ranks ranks;
    private final int[] twoBytes;
    /** Of short pieces: rank << 6 | place of the token whose pair with the next one it is. */
    private final int[] keys = new int[SHORT + 4];
    /** Bits of the places where the tokens of a short piece start, and of its end. */
    private long starts;
    private int[] pairs = new int[0];
    private int[] next = new int[0];
    private int[] previous = new int[0];
    private final MergeQueue queue = new MergeQueue();

    Merges(Ranks ranks) {
        this(ranks, WINDOW);
    }

    /** One whose windows have so many bytes, 16 or more. */
    Merges(Ranks ranks, int window) {
        super(window);
        this.ranks = ranks;
        twoBytes = ranks.pairs();
    }

    @Override
    int count(byte[] text, int start, int length) {
        return length <= SHORT ? countShort(text, start, length)
                : windows(text, start, start + length, null);
    }

    @Override
    void encode(byte[] text, int start, int length, Ids ids) {
        if (length > SHORT) {
            windows(text, start, start + length, ids);
            return;
        }
        countShort(text, start, length);
        for (int at = 0, stop; at < length; at = stop) {
            stop = after(starts, at);
            ids.add(ranks.get(text, start + at, stop - at));
        }
    }

    @Override
    void list(byte[] text, int start, int parts, Ids ids) {
        int at = start;
        for (int i = 0; i < parts; i++) {
            ids.add(ranks.get(text, at, ends[i] - at));
            at = ends[i];
        }
    }

    @Override
    boolean mayCut(byte[] text, int at) {
        return true;
    }

    @Override
    long grown() {
        return queue.bytes() + 16L * next.length;
    }

    private int countShort(byte[] text, int start, int length) {
        int[] key = keys;
        long mask = (1L << length + 1) - 1;
        for (int i = 0; i < length - 1; i++) {
            key[i] = key(ofTwo(text, start + i), i);
        }
        int end = length + 2 & ~3; // of all that is looked at, four by four
        for (int i = length - 1; i < end; i++) {
            key[i] = NONE;
        }
        while (true) {
            int one = NONE;
            int two = NONE;
            int three = NONE;
            int four = NONE;
            for (int i = 0; i < end; i += 4) {
                one = Math.min(one, key[i]);
                two = Math.min(two, key[i + 1]);
                three = Math.min(three, key[i + 2]);
                four = Math.min(four, key[i + 3]);
            }
            int least = Math.min(Math.min(one, two), Math.min(three, four));
            if (least == NONE) {
                starts = mask;
                return Long.bitCount(mask) - 1;
            }
            int place = least & SHORT_MASK;
            int second = after(mask, place);
            mask ^= 1L << second;
            key[second] = NONE;
            int stop = after(mask, place);
            key[place] = stop == length ? NONE
                    : key(ranks.get(text, start + place, after(mask, stop) - place), place);
            long before = mask & (1L << place) - 1;
            if (before != 0) {
                int left = 63 - Long.numberOfLeadingZeros(before);
                key[left] = key(ranks.get(text, start + left, stop - left), left);
            }
        }
    }

    private static int key(int rank, int place) {
        return rank == Ranks.NONE ? NONE : rank << 6 | place;
    }

    /** The next start of a token. */
    private static int after(long mask, int place) {
        return place + 1 + Long.numberOfTrailingZeros(mask >>> place + 1);
    }

    @Override
    int merge(byte[] text, int start, int stop) {
        int length = stop - start;
        if (next.length <= length) {
            next = new int[length + 1];
            previous = new int[length + 1];
            pairs = new int[length + 1];
        }
        room(length);
        int[] rank = pairs;
        queue.clear();
        for (int i = 0; i <= length; i++) {
            next[i] = i + 1;
            previous[i] = i - 1;
        }
        for (int i = 0; i < length; i++) {
            rank[i] = i + 1 < length ? ofTwo(text, start + i) : Ranks.NONE;
            push(rank[i], i);
        }
        while (!queue.isEmpty()) {
            long top = queue.pop();
            int place = (int) top;
            if (rank[place] != (int) (top >>> 32)) {
                continue; // of a pair that is no more
            }
            int gone = next[place];
            int after = next[gone];
            next[place] = after;
            if (after <= length) {
                previous[after] = place;
            }
            rank[gone] = -1;
            rank[place] = rankOf(text, start, place, length);
            push(rank[place], place);
            int left = previous[place];
            if (left >= 0) {
                rank[left] = rankOf(text, start, left, length);
                push(rank[left], left);
            }
        }
        int parts = 0;
        for (int i = 0; i < length; i = next[i]) {
            ends[parts++] = start + next[i];
        }
        return parts;
    }

    private int ofTwo(byte[] text, int at) {
        return twoBytes[(text[at] & 0xFF) << 8 | text[at + 1] & 0xFF];
    }

    private int rankOf(byte[] text, int start, int place, int length) {
        int second = next[place];
        if (second >= length) {
            return Ranks.NONE;
        }
        return ranks.get(text, start + place, next[second] - place);
    }

    private void push(int rank, int place) {
        if (rank != Ranks.NONE) {
            queue.push(rank, place);
        }
    }
}
