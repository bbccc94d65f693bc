package dev.fastjvm.langgraph;

import dev.fastjvm.cpython.CApi;
import dev.fastjvm.cpython.PyList;
import dev.fastjvm.cpython.PyObjects;

/**
 * The part of {@code _create_msgpack_ext_hook}'s {@code _check_allowed} that has no effect: a class of an explicit list, or, where
 * all are allowed with a warning, one that was warned of already while nobody listens to events.
 */
final class AllowList {
    private static final int KEPT = 4;

    private final long ask;
    private final long warned;
    private final long listeners;
    private final long[] hooks = new long[KEPT];
    private final long[] answers = new long[KEPT];
    private int oldest;

    /** {@code ask(hook)} answers the allowed_modules of its closure; {@code warned} and {@code listeners} are the library's own. */
    AllowList(long ask, long warned, long listeners) {
        this.ask = PyObjects.incref(ask);
        this.warned = PyObjects.incref(warned);
        this.listeners = PyObjects.incref(listeners);
    }

    /** The hook's allowed_modules, borrowed: True, a set, or None; 0 with PyErr set. Python code may run. */
    long of(long hook) {
        for (int i = 0; i < KEPT; i++) {
            if (hooks[i] == hook) {
                return answers[i];
            }
        }
        long answer = CApi.call(ask, hook);
        if (answer == 0) {
            return 0;
        }
        int slot = oldest;
        oldest = (oldest + 1) % KEPT;
        long formerHook = hooks[slot];
        long formerAnswer = answers[slot];
        hooks[slot] = PyObjects.incref(hook);
        answers[slot] = answer;
        if (formerHook != 0) {
            PyObjects.decref(formerHook);
            PyObjects.decref(formerAnswer);
        }
        return answer;
    }

    boolean allows(long allowed, long key) {
        if (allowed == PyObjects.TRUE) {
            return PyList.size(listeners) == 0 && CApi.Leaf.PySet_Contains(warned, key) == 1;
        }
        return allowed != PyObjects.NONE && CApi.Leaf.PySet_Contains(allowed, key) == 1;
    }
}
