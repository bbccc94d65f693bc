package dev.fastjvm.bpe;

/**
 * The tokens of a piece as the BPE model of {@code tokenizers} finds them: characters, or bytes, are tokens, and a list of merges says
 * what a pair becomes.
 *
 * <p>Representation: ids in an array. Of short pieces all pairs are looked through for each merge; of long ones pairs are in a heap.
 */
final class PairMerges extends Merger {
    private final Model model;
    private int[] ids = new int[SHORT + 1];
    private final long[] pairs = new long[SHORT + 1];
    private int[] next = new int[0];
    private int[] previous = new int[0];
    private final MergeQueue queue = new MergeQueue();

    PairMerges(Model model) {
        this(model, WINDOW);
    }

    /** One whose windows have so many bytes, 16 or more. */
    PairMerges(Model model, int window) {
        super(window);
        this.model = model;
        room(SHORT);
    }

    @Override
    int count(byte[] text, int start, int length) {
        int parts = 0;
        for (int at = start, stop; at < start + length; at = stop) {
            stop = model.alone(text, at, start + length);
            parts += stop - at <= SHORT ? mergeShort(text, at, stop)
                    : windows(text, at, stop, null);
        }
        return parts;
    }

    @Override
    void encode(byte[] text, int start, int length, Ids to) {
        for (int at = start, stop; at < start + length; at = stop) {
            stop = model.alone(text, at, start + length);
            if (stop - at <= SHORT) {
                list(text, at, mergeShort(text, at, stop), to);
            } else {
                windows(text, at, stop, to);
            }
        }
    }

    @Override
    void list(byte[] text, int start, int parts, Ids to) {
        for (int i = 0; i < parts; i++) {
            to.add(ids[i]);
        }
    }

    @Override
    boolean mayCut(byte[] text, int at) {
        return model.mayCut(text[at]);
    }

    @Override
    long grown() {
        return queue.bytes() + 16L * next.length;
    }

    private int mergeShort(byte[] text, int start, int stop) {
        int symbols = model.symbols(text, start, stop, ids, ends);
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

    @Override
    int merge(byte[] text, int start, int stop) {
        if (next.length < stop - start) {
            next = new int[stop - start];
            previous = new int[stop - start];
            ids = new int[stop - start + SHORT];
        }
        room(stop - start);
        int symbols = model.symbols(text, start, stop, ids, ends);
        if (!anyMerge(symbols)) {
            return symbols;
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
            ends[place] = ends[right];
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
            ends[parts] = ends[i];
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
