package dev.fastjvm.bpe;

import java.util.Arrays;

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
    private long[] heap = new long[0];
    private int heapSize;

    PairMerges(Model model) {
        this.model = model;
    }

    @Override
    public int count(byte[] text, int start, int length) {
        if (ids.length <= length) {
            ids = new int[length + 1];
        }
        int symbols = model.symbols(text, start, start + length, ids);
        return symbols <= SHORT ? mergeShort(symbols) : mergeLong(symbols);
    }

    @Override
    public int encode(byte[] text, int start, int length, int[] to, int made) {
        int parts = count(text, start, length);
        System.arraycopy(ids, 0, to, made, parts);
        return made + parts;
    }

    @Override
    public long grown() {
        return 4L * ids.length + 8L * heap.length + 8L * next.length;
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
        if (next.length < symbols) {
            next = new int[symbols];
            previous = new int[symbols];
            heap = new long[3 * symbols];
        }
        heapSize = 0;
        for (int i = 0; i < symbols; i++) {
            next[i] = i + 1;
            previous[i] = i - 1;
            push(i, i + 1, symbols);
        }
        while (heapSize > 0) {
            long top = pop();
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

    private void push(int place, int right, int symbols) {
        if (right >= symbols) {
            return;
        }
        long merge = model.pairs().get(ids[place], ids[right]);
        if (merge == Pairs.NONE) {
            return;
        }
        if (heapSize == heap.length) {
            heap = Arrays.copyOf(heap, 2 * heapSize);
        }
        long key = merge >>> 32 << 32 | place;
        int at = heapSize++;
        while (at > 0 && heap[at - 1 >> 1] > key) {
            heap[at] = heap[at - 1 >> 1];
            at = at - 1 >> 1;
        }
        heap[at] = key;
    }

    private long pop() {
        long top = heap[0];
        long key = heap[--heapSize];
        int at = 0;
        while (true) {
            int child = 2 * at + 1;
            if (child >= heapSize) {
                break;
            }
            if (child + 1 < heapSize && heap[child + 1] < heap[child]) {
                child++;
            }
            if (heap[child] >= key) {
                break;
            }
            heap[at] = heap[child];
            at = child;
        }
        heap[at] = key;
        return top;
    }
}
