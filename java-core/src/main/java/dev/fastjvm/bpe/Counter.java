package dev.fastjvm.bpe;

/**
 * Counts or lists the tokens of a text as tiktoken does: each piece that {@link Scanner} cuts is a token or is merged.
 *
 * <p>Representation: how many tokens the short pieces seen last are, in a table that fits a CPU's cache. A count makes no list.
 */
public final class Counter extends Scanner {
    private static final int SEEN_BITS = 12;
    private static final long SPREAD = 0x9E3779B97F4A7C15L;

    private final long[] seenWords = new long[1 << SEEN_BITS];
    /** Length << 4 | tokens; both are at most eight. */
    private final byte[] seenCounts = new byte[1 << SEEN_BITS];
    private final Ranks ranks;
    private final Merges merges;
    private int[] ids = new int[0];

    public Counter(Ranks ranks, Pattern pattern) {
        super(pattern);
        this.ranks = ranks;
        merges = new Merges(ranks);
    }

    /** Counts the tokens of {@code length} bytes of valid UTF-8 in {@link #room}; {@link #DOUBT} where that is not sure. */
    public int count(int length) {
        begin(length);
        int tokens = 0;
        int at = 0;
        while (at < length) {
            int stop = next(at);
            if (stop == DOUBT) {
                return DOUBT;
            }
            int size = stop - at;
            tokens += size == 1 ? 1 : size <= 8 ? known(at, size) : piece(at, size);
            at = stop;
        }
        return tokens;
    }

    /** Has {@link #ids} hold the tokens of a text, see {@link #count}; their number, or {@link #DOUBT}. */
    public int encode(int length) {
        begin(length);
        if (ids.length < length) {
            ids = new int[length];
        }
        int tokens = 0;
        int at = 0;
        while (at < length) {
            int stop = next(at);
            if (stop == DOUBT) {
                return DOUBT;
            }
            int rank = ranks.get(text, at, stop - at);
            if (rank != Ranks.NONE) {
                ids[tokens++] = rank;
            } else {
                tokens = merges.encode(text, at, stop - at, ids, tokens);
            }
            at = stop;
        }
        return tokens;
    }

    /** What {@link #encode} found. */
    public int[] ids() {
        return ids;
    }

    /** About how many bytes its arrays have that grow with a text. */
    public long grown() {
        return text.length + 4L * ids.length + merges.grown();
    }

    private int piece(int start, int size) {
        return ranks.get(text, start, size) != Ranks.NONE ? 1 : merges.count(text, start, size);
    }

    private int known(int start, int size) {
        long word = Ranks.word(text, start, size);
        int place = (int) ((word ^ size) * SPREAD >>> 64 - SEEN_BITS);
        if (seenWords[place] == word && (seenCounts[place] & 0xFF) >> 4 == size) {
            return seenCounts[place] & 15;
        }
        int count = piece(start, size);
        seenWords[place] = word;
        seenCounts[place] = (byte) (size << 4 | count);
        return count;
    }
}
