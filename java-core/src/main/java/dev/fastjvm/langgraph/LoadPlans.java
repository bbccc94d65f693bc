package dev.fastjvm.langgraph;

import dev.fastjvm.cpython.CApi;
import dev.fastjvm.cpython.PyBytes;
import dev.fastjvm.cpython.PyLong;
import dev.fastjvm.cpython.PyObjects;
import dev.fastjvm.cpython.PyTuple;
import dev.fastjvm.cpython.PythonError;
import dev.fastjvm.memory.Memory;
import java.util.Arrays;

/** The load plans by ext code and the packed {@code module, name}: direct-mapped, since there are few. */
final class LoadPlans {
    private static final int CAPACITY = 1 << 9;

    private final Loads loads;
    private final PlanReader reader = new PlanReader();
    private final byte[][] names = new byte[CAPACITY][];
    private final long[] copies = new long[CAPACITY];
    private final LoadPlan[] plans = new LoadPlan[CAPACITY];

    LoadPlans(Loads loads) {
        this.loads = loads;
    }

    /**
     * The plan for a class of that name, or null.
     *
     * @param head address of {@code [module, name,} packed, the head of the array included
     */
    LoadPlan find(long head, long length, int items, int code) {
        if (length < 8 || length > 256) {
            return null;
        }
        long mixed = (Memory.getLong(head + length - 8) ^ Memory.getLong(head + (length >> 1) - 4)
                ^ length << 8 ^ code) * 0x9E3779B97F4A7C15L;
        int slot = (int) (mixed >>> 55);
        byte[] name = names[slot];
        if (name != null && name.length == length + 1 && name[(int) length] == code
                && Memory.equal(copies[slot], head, length)) {
            LoadPlan plan = plans[slot];
            if (plan == null || plan.holds(loads.epoch())) {
                return plan;
            }
        }
        return learn(Memory.bytes(head, (int) length), code, slot);
    }

    /** Asks Python; its answer None is kept, False is not. */
    private LoadPlan learn(byte[] head, int code, int slot) {
        boolean gc = loads.enterPython();
        long answer = 0;
        try {
            long name = PythonError.check(CApi.Leaf.PyBytes_FromStringAndSize(0, head.length));
            Memory.copyIn(head, PyBytes.data(name), head.length);
            long number = PythonError.check(PyLong.of(code));
            answer = CApi.call(loads.describe(), name, number);
            PyObjects.decref(name);
            PyObjects.decref(number);
            if (answer == 0) {
                CApi.PyErr_Clear();
                return null;
            }
            if (answer == PyObjects.FALSE) {
                return null;
            }
            LoadPlan plan = PyObjects.type(answer) == PyTuple.TYPE ? reader.loadPlan(answer) : null;
            names[slot] = null;
            plans[slot] = plan;
            copies[slot] = Memory.reallocate(copies[slot], head.length);
            Memory.copyIn(head, copies[slot], head.length);
            byte[] key = Arrays.copyOf(head, head.length + 1);
            key[head.length] = (byte) code;
            names[slot] = key;
            return plan;
        } finally {
            if (answer != 0) {
                PyObjects.decref(answer);
            }
            loads.leavePython(gc);
        }
    }
}
