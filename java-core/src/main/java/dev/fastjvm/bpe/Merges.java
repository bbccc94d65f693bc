package dev.fastjvm.bpe;

/**
 * The tokens of a piece that is no token itself: the adjacent pair of the lowest rank is merged, the leftmost of equals, until
 * none is a token.
 *
 * <p>Representation: short pieces are an array of parts that is looked through for each merge, as tiktoken does; long ones a linked
 * list with a heap of pairs, so that n bytes cost O(n log n) whatever they are.
 */
final class Merges implements Merger {
    private static final int SHORT = 48;

    private final Ranks ranks;
    private int[] starts = new int[SHORT + 2];
    private int[] pairs = new int[SHORT + 2];
    private int[] next = new int[0];
    private int[] previous = new int[0];
    private final MergeQueue queue = new MergeQueue();

    Merges(Ranks ranks) {
        this.ranks = ranks;
    }

    @Override
    public int count(byte[] text, int start, int length) {
        return length <= SHORT ? countShort(text, start, length) : countLong(text, start, length);
    }

    @Override
    public int encode(byte[] text, int start, int length, int[] ids, int made) {
        int parts = count(text, start, length);
        int at = start;
        for (int i = 0; i < parts; i++) {
            int stop = length <= SHORT ? starts[i + 1] : start + next[at - start];
            ids[made + i] = ranks.get(text, at, stop - at);
            at = stop;
        }
        return made + parts;
    }

    @Override
    public long grown() {
        return queue.bytes() + 12L * next.length;
    }

    private int countShort(byte[] text, int start, int length) {
        int[] at = starts;
        int[] rank = pairs;
        for (int i = 0; i < length; i++) {
            at[i] = start + i;
            rank[i] = i + 1 < length ? ranks.get(text, start + i, 2) : Ranks.NONE;
        }
        at[length] = start + length;
        int parts = length;
        while (true) {
            int least = Ranks.NONE;
            int place = 0;
            for (int i = 0; i < parts - 1; i++) {
                if (rank[i] < least) {
                    least = rank[i];
                    place = i;
                }
            }
            if (least == Ranks.NONE) {
                return parts;
            }
            parts--;
            System.arraycopy(at, place + 2, at, place + 1, parts - place);
            System.arraycopy(rank, place + 2, rank, place + 1, Math.max(parts - place - 1, 0));
            rank[parts] = Ranks.NONE;
            rank[place] = place + 2 <= parts
                    ? ranks.get(text, at[place], at[place + 2] - at[place])
                    : Ranks.NONE;
            if (place > 0) {
                rank[place - 1] = ranks.get(text, at[place - 1], at[place + 1] - at[place - 1]);
            }
        }
    }

    private int countLong(byte[] text, int start, int length) {
        if (next.length <= length) {
            next = new int[length + 1];
            previous = new int[length + 1];
            pairs = new int[length + 1];
            starts = new int[SHORT + 2];
        }
        int[] rank = pairs;
        queue.clear();
        for (int i = 0; i <= length; i++) {
            next[i] = i + 1;
            previous[i] = i - 1;
        }
        for (int i = 0; i < length; i++) {
            rank[i] = i + 1 < length ? ranks.get(text, start + i, 2) : Ranks.NONE;
            push(rank[i], i);
        }
        int parts = length;
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
            parts--;
            rank[place] = rankOf(text, start, place, length);
            push(rank[place], place);
            int left = previous[place];
            if (left >= 0) {
                rank[left] = rankOf(text, start, left, length);
                push(rank[left], left);
            }
        }
        return parts;
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
