package dev.fastjvm.axolotl;

import dev.fastjvm.cpython.Builtin;
import dev.fastjvm.cpython.Gil;
import dev.fastjvm.cpython.PyLong;
import dev.fastjvm.memory.Memory;
import java.io.IOException;

/**
 * The builtin {@code axolotl_first_fit(lengths, count, group, capacity, bin_size, order, ends)}: {@link FirstFit} over arrays of
 * int32 at addresses, group by group; returns how many bins were made.
 *
 * <p>{@code order} takes the samples in the order of their bins, {@code ends} where each bin ends in it; both have room for
 * {@code count}. Python has checked types and bounds and keeps the arrays. The GIL is dropped meanwhile. A heap that is too small
 * for a group is a decline.
 */
public final class FirstFitBuiltin extends Builtin {
    public FirstFitBuiltin() {
        super("axolotl_first_fit",
                "axolotl_first_fit($module, lengths, count, group, capacity, bin_size, order, ends, /)"
                        + "\n--\n\nFirst fit in order of arrival, group by group.");
    }

    @Override
    protected long call(long args, long nargs) throws IOException {
        long lengths = argument(args, 0);
        int count = (int) argument(args, 1);
        int group = (int) argument(args, 2);
        int capacity = (int) argument(args, 3);
        int binSize = (int) argument(args, 4);
        long order = argument(args, 5);
        long ends = argument(args, 6);
        int[] bins = new int[1];
        Gil.without(() -> bins[0] = new FirstFit(capacity, binSize).packGroups(lengths, count,
                group, order, ends));
        return PyLong.of(bins[0]);
    }

    /** An int among the arguments. */
    static long argument(long args, int index) {
        return PyLong.value(Memory.getLong(args + 8L * index));
    }
}
