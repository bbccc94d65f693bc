package dev.fastjvm.langgraph;

import dev.fastjvm.cpython.CApi;
import dev.fastjvm.cpython.PyBytes;
import dev.fastjvm.cpython.PyLong;
import dev.fastjvm.cpython.PyObjects;
import dev.fastjvm.cpython.PyTuple;
import dev.fastjvm.cpython.PythonError;
import dev.fastjvm.memory.Memory;
import java.util.Arrays;

/** The load plans by ext code and the packed {@code module, name}, each in one of the {@link #WAYS} slots from its own on. */
final class LoadPlans {
    private static final int CAPACITY = 1 << 9;

    /** Slots that are looked at: two classes of one slot would have each other described anew at each object. */
    private static final int WAYS = 8;

    private final Loads loads;
    private final PlanReader reader = new PlanReader();
    private final byte[][] names = new byte[CAPACITY][];
    private final long[] copies = new long[CAPACITY];
    private final LoadPlan[] plans = new LoadPlan[CAPACITY];
    private int victim;

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
        int first = (int) (mixed >>> 55);
        for (int i = 0; i < WAYS; i++) {
            int slot = first + i & CAPACITY - 1;
            byte[] name = names[slot];
            if (name == null) {
                return learn(Memory.bytes(head, (int) length), code, slot);
            }
            if (name.length == length + 1 && name[(int) length] == code
                    && Memory.equal(copies[slot], head, length)) {
                LoadPlan plan = plans[slot];
                return plan == null || plan.holds(loads.epoch()) ? plan
                        : learn(Memory.bytes(head, (int) length), code, slot);
            }
        }
        victim = victim + 1 & WAYS - 1;
        return learn(Memory.bytes(head, (int) length), code, first + victim & CAPACITY - 1);
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
