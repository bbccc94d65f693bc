package dev.fastjvm.axolotl;

import dev.fastjvm.cpython.Builtin;
import dev.fastjvm.cpython.CApi;
import dev.fastjvm.cpython.Gil;
import dev.fastjvm.cpython.Interpreter;
import dev.fastjvm.cpython.PyList;
import dev.fastjvm.cpython.PyLong;
import dev.fastjvm.cpython.PyObjects;
import dev.fastjvm.cpython.PythonError;
import dev.fastjvm.memory.Memory;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/**
 * The builtin {@code axolotl_pack(lengths, width, count, group, capacity, bin_size)}: {@link FirstFit} over an array of int32 or int64,
 * of 4 or 8 bytes each, at an address; returns a list with a list of ints for each bin, what {@code pack_parallel} does.
 *
 * <p>The lists are made at their final size and filled sample by sample: the ints are made in their order, each once, and no list grows.
 * All groups are packed first, without the GIL where there are many samples. A length below 0 or beyond 31 bits is a decline, and so
 * is a heap that is too small.
 */
public final class PackBuiltin extends Builtin {
    /** So many samples are packed sooner than others get hold of the GIL. */
    private static final int FEW = 4096;

    public PackBuiltin() {
        super("axolotl_pack",
                "axolotl_pack($module, lengths, width, count, group, capacity, bin_size, /)"
                        + "\n--\n\nFirst fit in order of arrival, group by group, as lists.");
    }

    /** The bins of one group. */
    private record Group(int start, int count, int bins, int[] binOf, int[] sizes) {}

    @Override
    protected long call(long args, long nargs) throws IOException {
        long lengths = FirstFitBuiltin.argument(args, 0);
        long width = FirstFitBuiltin.argument(args, 1);
        int count = (int) FirstFitBuiltin.argument(args, 2);
        int group = (int) FirstFitBuiltin.argument(args, 3);
        int capacity = (int) FirstFitBuiltin.argument(args, 4);
        int binSize = (int) FirstFitBuiltin.argument(args, 5);
        List<Group> groups = new ArrayList<>();
        Gil.Work work = () -> {
            if (width == Integer.BYTES) {
                pack(groups, lengths, count, group, capacity, binSize);
            } else {
                packWide(groups, lengths, count, group, capacity, binSize);
            }
        };
        if (count > FEW) {
            Gil.without(work);
        } else {
            work.run();
        }
        if (groups.isEmpty() && count > 0) {
            return decline();
        }
        int bins = 0;
        for (Group each : groups) {
            bins += each.bins;
        }
        boolean was = Interpreter.pauseGc();
        try {
            return lists(groups, bins);
        } finally {
            Interpreter.resumeGc(was);
        }
    }

    private static void pack(List<Group> groups, long lengths, int count, int group, int capacity,
            int binSize) {
        int lowest = 0;
        for (int i = 0; i < count; i++) {
            lowest |= Memory.getInt(lengths + 4L * i);
        }
        if (lowest < 0) {
            return;
        }
        for (long start = 0; start < count; start += group) {
            int size = (int) Math.min(group, count - start);
            FirstFit fit = new FirstFit(capacity, binSize);
            int bins = fit.pack(lengths + 4 * start, size);
            groups.add(new Group((int) start, size, bins, fit.binOf(), fit.sizes()));
        }
    }

    private static void packWide(List<Group> groups, long lengths, int count, int group,
            int capacity, int binSize) {
        long copy = Memory.allocate(4L * count + 4);
        try {
            long beyond = 0;
            for (int i = 0; i < count; i++) {
                long size = Memory.getLong(lengths + 8L * i);
                beyond |= size;
                Memory.putInt(copy + 4L * i, (int) size);
            }
            if (beyond >>> 31 == 0) {
                pack(groups, copy, count, group, capacity, binSize);
            }
        } finally {
            Memory.free(copy);
        }
    }

    /** A list of the groups' bins, owned. */
    private static long lists(List<Group> groups, int bins) {
        long all = PythonError.check(CApi.Leaf.PyList_New(bins));
        try {
            int before = 0;
            for (Group group : groups) {
                fill(all, before, group);
                before += group.bins;
            }
        } catch (PythonError error) {
            PyObjects.decref(all);
            throw error;
        }
        return all;
    }

    private static void fill(long all, int before, Group group) {
        long[] next = new long[group.bins];
        int[] sizes = group.sizes;
        for (int bin = 0; bin < next.length; bin++) {
            long list = PythonError.check(CApi.Leaf.PyList_New(sizes[bin]));
            PyList.setItem(all, before + bin, list);
            next[bin] = PyList.items(list);
        }
        int[] binOf = group.binOf;
        for (int i = 0; i < group.count; i++) {
            int bin = binOf[i];
            Memory.putLong(next[bin], PythonError.check(PyLong.of(group.start + i)));
            next[bin] += Long.BYTES;
        }
    }
}
