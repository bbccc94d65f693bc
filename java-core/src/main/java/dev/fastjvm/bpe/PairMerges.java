package dev.fastjvm.bpe;

/**
 * The tokens of a piece as the BPE model of {@code tokenizers} finds them: characters, or bytes, are tokens; the adjacent pair
 * of the lowest rank becomes one, the leftmost of equals, until no pair is a merge.
 *
 * <p>Representation: ids in an array. Of short pieces all pairs are looked through for each merge; of long ones pairs are in a heap,
 * so that n characters cost O(n log n) whatever they are.
 */
final class PairMerges implements Merger {
    private static final int SHORT = 48;

    private final Model model;
    private int[] ids = new int[SHORT + 1];
    private final long[] pairs = new long[SHORT + 1];
    private int[] next = new int[0];
    private int[] previous = new int[0];
    private final MergeQueue queue = new MergeQueue();

    PairMerges(Model model) {
        this.model = model;
    }

    @Override
    public int count(byte[] text, int start, int length) {
        int parts = 0;
        for (int at = start, stop; at < start + length; at = stop) {
            stop = model.alone(text, at, start + length);
            parts += part(text, at, stop);
        }
        return parts;
    }

    @Override
    public int encode(byte[] text, int start, int length, int[] to, int made) {
        int parts = made;
        for (int at = start, stop; at < start + length; at = stop) {
            stop = model.alone(text, at, start + length);
            int more = part(text, at, stop);
            System.arraycopy(ids, 0, to, parts, more);
            parts += more;
        }
        return parts;
    }

    /** Has {@link #ids} begin with the tokens of a part that merges alone; how many they are. */
    private int part(byte[] text, int start, int stop) {
        if (ids.length <= stop - start) {
            ids = new int[stop - start + 1];
        }
        int symbols = model.symbols(text, start, stop, ids);
        return symbols <= SHORT ? mergeShort(symbols) : mergeLong(symbols);
    }

    @Override
    public long grown() {
        return 4L * ids.length + queue.bytes() + 8L * next.length;
    }

    private int mergeShort(int symbols) {
        int[] at = ids;
        long[] pair = pairs;
        for (int i = 0; i < symbols - 1; i++) {
            pair[i] = model.pairs().get(at[i], at[i + 1]);
        }
        int parts = symbols;
        while (true) {
            long least = Pairs.NONE;
            int place = 0;
            for (int i = 0; i < parts - 1; i++) {
                if (pair[i] < least) {
                    least = pair[i];
                    place = i;
                }
            }
            if (least == Pairs.NONE) {
                return parts;
            }
            parts--;
            at[place] = (int) least;
            System.arraycopy(at, place + 2, at, place + 1, parts - place - 1);
            if (place + 1 < parts) {
                System.arraycopy(pair, place + 2, pair, place + 1, parts - place - 1);
                pair[place] = model.pairs().get(at[place], at[place + 1]);
            }
            if (place > 0) {
                pair[place - 1] = model.pairs().get(at[place - 1], at[place]);
            }
        }
    }

    private int mergeLong(int symbols) {
        if (!anyMerge(symbols)) {
            return symbols;
        }
        if (next.length < symbols) {
            next = new int[symbols];
            previous = new int[symbols];
        }
        queue.clear();
        for (int i = 0; i < symbols; i++) {
            next[i] = i + 1;
            previous[i] = i - 1;
            push(i, i + 1, symbols);
        }
        while (!queue.isEmpty()) {
            long top = queue.pop();
            int place = (int) top;
            int right = next[place];
            if (ids[place] < 0 || right >= symbols) {
                continue; // merged away
            }
            long merge = model.pairs().get(ids[place], ids[right]);
            if (merge == Pairs.NONE || merge >>> 32 != top >>> 32) {
                continue; // of a pair that is no more
            }
            ids[place] = (int) merge;
            ids[right] = -1;
            int after = next[right];
            next[place] = after;
            if (after < symbols) {
                previous[after] = place;
            }
            push(place, after, symbols);
            if (previous[place] >= 0) {
                push(previous[place], place, symbols);
            }
        }
        int parts = 0;
        for (int i = 0; i < symbols; i = next[i]) {
            ids[parts++] = ids[i];
        }
        return parts;
    }

    private boolean anyMerge(int symbols) {
        for (int i = 1; i < symbols; i++) {
            if (model.pairs().get(ids[i - 1], ids[i]) != Pairs.NONE) {
                return true;
            }
        }
        return false;
    }

    private void push(int place, int right, int symbols) {
        if (right < symbols) {
            long merge = model.pairs().get(ids[place], ids[right]);
            if (merge != Pairs.NONE) {
                queue.push((int) (merge >>> 32), place);
            }
        }
    }
}
