package dev.fastjvm.bpe;

/**
 * Counts or lists the tokens of a text: each piece that {@link Scanner} cuts is a token or is merged.
 *
 * <p>Representation: how many tokens the short pieces seen last are, in a table that fits a CPU's cache. A count makes no list.
 */
public final class Counter extends Scanner implements TokenCounter {
    private static final int SEEN_BITS = 12;
    private static final long SPREAD = 0x9E3779B97F4A7C15L;

    private final long[] seenWords = new long[1 << SEEN_BITS];
    /** Length << 4 | tokens; both are at most eight. */
    private final byte[] seenCounts = new byte[1 << SEEN_BITS];
    private final Ranks ranks;
    private final Merger merges;
    private final Ids ids = new Ids();

    /** As tiktoken counts, whose regex may give up where blanks are many. */
    public Counter(Ranks ranks, Pattern pattern) {
        super(pattern, 1 << 16);
        this.ranks = ranks;
        merges = new Merges(ranks);
    }

    /** As the BPE model of {@code tokenizers} counts. */
    public Counter(Model model, Pattern pattern) {
        super(pattern, Integer.MAX_VALUE);
        ranks = model.whole();
        merges = new PairMerges(model);
    }

    @Override
    public int count(int length) {
        return count(0, length);
    }

    @Override
    public int encode(int length) {
        ids.clear();
        return encode(0, length);
    }

    /** Counts the tokens of a part of what is in {@link #room}, see {@link #count(int)}. */
    int count(int start, int stop) {
        begin(start, stop);
        int tokens = 0;
        int at = start;
        while (at < stop) {
            int next = next(at);
            if (next == DOUBT) {
                return DOUBT;
            }
            int size = next - at;
            tokens += size == 1 ? 1 : size <= 8 ? known(at, size) : piece(at, size);
            at = next;
        }
        return tokens;
    }

    /** Puts the tokens of a part of what is in {@link #room} into the list; how many are in it then, or {@link #DOUBT}. */
    int encode(int start, int stop) {
        begin(start, stop);
        int at = start;
        while (at < stop) {
            int next = next(at);
            if (next == DOUBT) {
                return DOUBT;
            }
            int rank = ranks.get(text, at, next - at);
            if (rank != Ranks.NONE) {
                ids.add(rank);
            } else {
                merges.encode(text, at, next - at, ids);
            }
            at = next;
        }
        return ids.count();
    }

    /** What {@link #encode(int, int)} adds to. */
    Ids list() {
        return ids;
    }

    @Override
    public int[] ids() {
        return ids.all();
    }

    @Override
    public long grown() {
        return text.length + ids.bytes() + merges.grown();
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
