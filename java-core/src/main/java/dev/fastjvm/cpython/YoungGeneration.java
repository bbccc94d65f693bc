package dev.fastjvm.cpython;

import dev.fastjvm.memory.Memory;

/**
 * How much the cyclic GC believes to be new: a collection starts when this count passes its threshold.
 *
 * <p>Objects that a builtin makes and returns are alive and, being a tree, no cycle: a collection right behind the call walks all of
 * them and frees none. So a builtin's own objects are taken out of the count and added up; at {@link #PATIENCE} thresholds the
 * next allocation starts a collection after all, because the caller may hold such objects in cycles, and because objects that
 * are freed later are counted off all the same, and with them what others made. The older generations' collections follow.
 *
 * <p>Only with a threshold that CPython starts with (700, from 3.13 on 2000): a process that set its own keeps its ways, and so does one that
 * turned the collector off ({@link Interpreter} asks).
 *
 * <p>Source: {@code struct gc_generation} in Include/internal/pycore_gc.h; the address is found and verified by {@code _layout.py}.
 */
final class YoungGeneration {
    /** So many thresholds' worth of a builtin's objects start a collection. */
    private static final int PATIENCE = 8;
    /** A count that no freeing behind the call brings below a threshold before the next allocation. */
    private static final int DUE = 1 << 24;
    private static final int LEAST = 700;
    private static final int MOST = 2000;
    private static final long THRESHOLD = Spec.optional("gc.young");

    private static int owed;

    private YoungGeneration() {}

    /** Tracked objects made since the last collection, less those freed. */
    static int count() {
        return THRESHOLD == 0 ? 0 : Memory.getInt(THRESHOLD + Layout.GENERATION_COUNT);
    }

    /** Takes what a builtin made since {@code before} out of the count, or makes a collection due. */
    static void settle(int before) {
        int made = count() - before;
        if (made <= 0) {
            return;
        }
        int threshold = Memory.getInt(THRESHOLD);
        if (threshold < LEAST || threshold > MOST) {
            return;
        }
        owed += made;
        int count = before;
        if (owed >= PATIENCE * threshold) {
            owed = 0;
            count = DUE;
        }
        Memory.putInt(THRESHOLD + Layout.GENERATION_COUNT, count);
    }
}
