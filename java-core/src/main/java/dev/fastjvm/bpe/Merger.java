package dev.fastjvm.bpe;

import java.util.Arrays;

/**
 * Cuts a piece that is no token itself into tokens: of all adjacent pairs that may become one that of the lowest rank does, the leftmost
 * of equals, until none is left. One object is used by one thread at a time.
 *
 * <p>A long piece is merged in windows, so that what is merged at a time stays in a CPU's cache and in bounded memory. A window begins
 * where a token of the one before ends, some way before that one's end, as what follows may have changed the tokens there. That is right
 * if, and only if, the tokens on both sides of the border come of their own bytes, merged together: up to the first merge over the border
 * both sides merge as they do alone, and so does what lies within these two tokens. If it is not right, the window before is merged again,
 * twice as long, and where its own border is then no longer right the whole piece is: n bytes cost O(n log n) whatever they are. A window of the same bytes as the one before, as in a run of one letter, has its tokens.
 */
abstract class Merger {
    /** Symbols up to which all pairs are looked through for each merge, as that is quicker. */
    static final int SHORT = 48;
    /** Bytes of a window. */
    static final int WINDOW = 1 << 11;

    private final int window;
    private int again;
    /** The part that {@link #ends} is of, and its tokens; empty where they are another's. */
    private int seen;
    private int seenEnd;
    private int parts;
    /** Where the tokens end that {@link #merge} found last. */
    int[] ends = new int[0];

    Merger(int window) {
        this.window = window;
    }

    /** Makes room in {@link #ends}. */
    final void room(int length) {
        if (ends.length < length) {
            ends = new int[length];
        }
    }

    /** How many tokens a piece is. */
    abstract int count(byte[] text, int start, int length);

    /** Puts the tokens of a piece into a list. */
    abstract void encode(byte[] text, int start, int length, Ids ids);

    /** Finds the tokens of a part; how many they are. */
    abstract int merge(byte[] text, int start, int stop);

    /** Puts the first tokens that {@link #merge} found into a list. */
    abstract void list(byte[] text, int start, int parts, Ids ids);

    /** Whether a part may begin at a place. */
    abstract boolean mayCut(byte[] text, int at);

    /** About how many bytes its arrays have that grow with a piece. */
    abstract long grown();

    /** How many tokens a part of any length is; they are put into a list if there is one. */
    final int windows(byte[] text, int start, int stop, Ids ids) {
        int listed = ids == null ? 0 : ids.count();
        int made = 0;
        int from = start;
        int size = window;
        int last = start; // the token before the window
        int next = stop; // where one ends that may stand behind it
        int before = start; // the window before this one, and the same of it
        int wide = size;
        int lastBefore = start;
        int nextBefore = stop;
        int unsure = 0; // its tokens, which hold if the border does
        seenEnd = seen;
        while (true) {
            int end = end(text, from, size, stop);
            int found = part(text, from, end);
            if (from > start && ends[0] != next) {
                if (!holds(text, last, from, ends[0])) {
                    again++;
                    // a border that no longer holds, as the window has grown: all at once
                    boolean all = unsure == 0;
                    made = all ? 0 : made - unsure;
                    if (ids != null) {
                        ids.cut(listed + made);
                    }
                    from = all ? start : before;
                    size = all ? stop - start : 2 * wide;
                    last = lastBefore;
                    next = nextBefore;
                    unsure = 0;
                    continue;
                }
                found = part(text, from, end);
            }
            int kept = end == stop ? found : border(text, from, end, found);
            unsure = kept;
            if (kept == 0) {
                size *= 2;
                continue;
            }
            made += kept;
            if (ids != null) {
                list(text, from, kept, ids);
            }
            if (end == stop) {
                return made;
            }
            before = from;
            wide = size;
            lastBefore = last;
            nextBefore = next;
            last = kept == 1 ? from : ends[kept - 2];
            from = ends[kept - 1];
            next = ends[kept];
            size = window;
        }
    }

    /** Merges a part, unless the one before has the same bytes. */
    private int part(byte[] text, int from, int end) {
        if (end - from == seenEnd - seen && Arrays.equals(text, from, end, text, seen, seenEnd)) {
            for (int i = 0; i < parts; i++) {
                ends[i] += from - seen;
            }
        } else {
            parts = merge(text, from, end);
        }
        seen = from;
        seenEnd = end;
        return parts;
    }

    /** How many windows were merged again. */
    final int again() {
        return again;
    }

    private int end(byte[] text, int from, int size, int stop) {
        if (size < 0 || size >= stop - from) {
            return stop;
        }
        int end = from + size;
        while (!mayCut(text, end)) {
            end--;
        }
        return end;
    }

    /** How many tokens of a window are far enough from its end. */
    private int border(byte[] text, int from, int end, int found) {
        int most = end - (end - from >> 4);
        int place = Arrays.binarySearch(ends, 0, found, most);
        int kept = place < 0 ? -place - 1 : place + 1;
        while (kept > 0 && !(mayCut(text, ends[kept - 1])
                && (kept == 1 || mayCut(text, ends[kept - 2])))) {
            kept--;
        }
        return kept;
    }

    /** Whether the bytes of two tokens, merged together, are cut between them; false where they can't be merged alone. */
    private boolean holds(byte[] text, int start, int border, int stop) {
        seenEnd = seen;
        return mayCut(text, start) && mayCut(text, stop) && merge(text, start, stop) == 2
                && ends[0] == border;
    }
}
