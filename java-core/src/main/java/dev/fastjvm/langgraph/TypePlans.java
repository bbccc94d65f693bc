package dev.fastjvm.langgraph;

import dev.fastjvm.cpython.CApi;
import dev.fastjvm.cpython.PyObjects;
import dev.fastjvm.cpython.PyTuple;
import java.util.HashMap;
import java.util.Map;

/**
 * The plans by class: open addressing over the addresses of type objects. A class that died may leave its address to another;
 * the version tag, which is never given twice, tells them apart, so no class is kept alive.
 */
final class TypePlans {
    private static final int CAPACITY = 1 << 13;
    private static final int MOST = CAPACITY / 2;

    /** A class that changes this often is left to the original for a while. */
    private static final int MOST_CHANGES = 50;

    private static final int WHILE = 5000;

    /**
     * After so many plans the heap is collected whole, some ms, where it is ours alone: a plan outlives the young generation,
     * and the serial collector lets the old one grow to its limit before it looks there.
     */
    private static final int PLANS_A_COLLECTION = 1 << 11;

    private static final boolean OWN_HEAP = Boolean.getBoolean("dev.fastjvm.ownHeap");

    private final Dumps dumps;
    private final PlanReader reader;
    private final long[] types = new long[CAPACITY];
    private final TypePlan[] plans = new TypePlan[CAPACITY];
    private final Map<Long, Integer> changes = new HashMap<>();
    private int size;
    private int learnt;
    private long wanted;

    TypePlans(Dumps dumps) {
        this.dumps = dumps;
        reader = new PlanReader();
    }

    private static int slot(long type) {
        return (int) ((type >>> 4) * 0x9E3779B97F4A7C15L >>> 51);
    }

    /** The plan of a class as it is now, or null. */
    TypePlan find(long type) {
        for (int i = slot(type);; i = i + 1 & CAPACITY - 1) {
            if (types[i] == type) {
                TypePlan plan = plans[i];
                return plan.isCurrent(type) ? plan : null;
            }
            if (types[i] == 0) {
                return null;
            }
        }
    }

    /** Notes a class whose plan a planned object lacks. */
    void want(long type) {
        wanted = type;
    }

    boolean isWanting() {
        return wanted != 0;
    }

    void learnWanted() {
        long type = wanted;
        wanted = 0;
        learn(type);
    }

    /** Asks Python for the plan of a class; Python code runs. */
    TypePlan learn(long type) {
        PyObjects.incref(type);
        try {
            TypePlan plan = describe(type);
            int change = changes.merge(type, 1, Integer::sum);
            if (!plan.bind(type) && !(plan instanceof OddPlan)) {
                plan = new OddPlan();
                plan.bind(type);
            }
            if (change > MOST_CHANGES) {
                plan = new OddPlan();
                plan.bindFor(WHILE);
                changes.put(type, 0);
            }
            put(type, plan);
            return plan;
        } finally {
            PyObjects.decref(type);
        }
    }

    private TypePlan describe(long type) {
        long description = CApi.call(dumps.describe(), type);
        if (description == 0) {
            CApi.PyErr_Clear();
            return new OddPlan();
        }
        try {
            return PyObjects.type(description) == PyTuple.TYPE ? reader.plan(description)
                    : new OddPlan();
        } catch (RuntimeException unreadable) {
            return new OddPlan();
        } finally {
            PyObjects.decref(description);
        }
    }

    private void put(long type, TypePlan plan) {
        if (size >= MOST) {
            java.util.Arrays.fill(types, 0);
            java.util.Arrays.fill(plans, null);
            changes.clear();
            size = 0;
        }
        int i = slot(type);
        while (types[i] != 0 && types[i] != type) {
            i = i + 1 & CAPACITY - 1;
        }
        if (types[i] == 0) {
            size++;
        }
        plans[i] = plan;
        types[i] = type;
        if (++learnt % PLANS_A_COLLECTION == 0 && OWN_HEAP) {
            System.gc();
        }
    }
}
