package dev.fastjvm.bpe;

/**
 * The tokens of a piece as tiktoken finds them: bytes are tokens, and the rank of a pair is that of the token that both become.
 *
 * <p>Representation: of short pieces the pairs' ranks and places, one int each, are looked through for each merge, without a branch, and tokens'
 * starts are the bits of a word; long ones are a linked list with a heap of pairs.
 */
final class Merges extends Merger {
    private static final int SHORT_MASK = 63;
    /** Bytes of a piece of few characters. */
    private static final int MOST = 4 * SHORT;
    private static final int NONE = Integer.MAX_VALUE;
    private static final int[] ASCII = java.util.stream.IntStream.rangeClosed(0, SHORT).toArray();

    private final Ranks ranks;
    private final int[] twoBytes;
    private final Characters characters;
    /** Of short pieces: rank << 6 | place of the token whose pair with the next one it is. */
    private final int[] keys = new int[SHORT + 4];
    /** Where the symbols of a short piece start that it begins with, and its end. */
    private final int[] places = new int[SHORT + 1];
    /** That array, or the one that stands for it where each byte is a symbol. */
    private int[] symbols;
    /** Bits of the symbols that tokens of a short piece start with, and of its end. */
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
        characters = ranks.characters();
    }

    @Override
    int count(byte[] text, int start, int length) {
        int found = length <= MOST ? countShort(text, start, length) : -1;
        return found >= 0 ? found : windows(text, start, start + length, null);
    }

    @Override
    void encode(byte[] text, int start, int length, Ids ids) {
        int found = length <= MOST ? countShort(text, start, length) : -1;
        if (found < 0) {
            windows(text, start, start + length, ids);
            return;
        }
        for (int at = 0; found > 0; found--) {
            int stop = after(starts, at);
            int from = symbols[at];
            ids.add(ranks.get(text, start + from, symbols[stop] - from));
            at = stop;
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

    /** Begins a piece with its characters, merged as far as they are before all else; how many symbols, more than SHORT if too many. */
    private int begin(byte[] text, int start, int length) {
        int[] at = places;
        int[] key = keys;
        int count = 0;
        for (int i = 0; i < length;) {
            int size = Characters.size(text[start + i]);
            if (count + size > SHORT || size > length - i) {
                return SHORT + 1;
            }
            key[count] = 0;
            at[count++] = i;
            if (size > 1) {
                int starts = characters.of(text, start + i, size, start, start + length);
                int apart = starts == Characters.BYTES ? 0 : NONE; // as what is within is merged
                for (int inner = 1; inner < size; inner++) {
                    if ((starts & 1) != 0) {
                        key[count - 1] = apart;
                        key[count] = 0;
                        at[count++] = i + inner;
                    }
                    starts >>= 1;
                }
            }
            i += size;
        }
        at[count] = length;
        return count;
    }

    /** How many tokens a piece of few characters is, -1 for one of more. */
    private int countShort(byte[] text, int start, int length) {
        int[] at = ASCII;
        int[] key = keys;
        int count = length;
        if (length <= SHORT && isAscii(text, start, length)) {
            for (int i = 0; i < length - 1; i++) {
                key[i] = key(ofTwo(text, start + i), i);
            }
        } else {
            count = begin(text, start, length);
            if (count > SHORT) {
                return -1;
            }
            at = places;
            for (int i = 0; i < count - 1; i++) {
                key[i] = key[i] == NONE ? NONE
                        : key(ranks.get(text, start + at[i], at[i + 2] - at[i]), i);
            }
        }
        symbols = at;
        long mask = (1L << count + 1) - 1;
        int end = count + 2 & ~3; // of all that is looked at, four by four
        for (int i = count - 1; i < end; i++) {
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
            key[place] = stop == count ? NONE
                    : key(ranks.get(text, start + at[place], at[after(mask, stop)] - at[place]),
                            place);
            long before = mask & (1L << place) - 1;
            if (before != 0) {
                int left = 63 - Long.numberOfLeadingZeros(before);
                key[left] = key(ranks.get(text, start + at[left], at[stop] - at[left]), left);
            }
        }
    }

    private static boolean isAscii(byte[] text, int start, int length) {
        long all = 0;
        int i = 0;
        for (; i < length - 8; i += 8) {
            all |= (long) Ranks.WORD.get(text, start + i);
        }
        return ((all | Ranks.word(text, start + i, length - i)) & Scanner.HIGH) == 0;
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
