package dev.fastjvm.bpe;

import java.util.Arrays;

/** The tokens of a text, as they are found. */
final class Ids {
    private int[] all = new int[0];
    private int count;

    void clear() {
        count = 0;
    }

    void add(int id) {
        if (count == all.length) {
            all = Arrays.copyOf(all, Math.max(1024, count + (count >> 1)));
        }
        all[count++] = id;
    }

    /** Forgets all but the first ones. */
    void cut(int first) {
        count = first;
    }

    int count() {
        return count;
    }

    int[] all() {
        return all;
    }

    long bytes() {
        return 4L * all.length;
    }
}
