package dev.fastjvm.langgraph;

import dev.fastjvm.cpython.CApi;
import dev.fastjvm.cpython.Interpreter;
import dev.fastjvm.cpython.PyObjects;
import dev.fastjvm.cpython.PythonError;

/** Exact {@code collections.deque}: ext 0 of {@code (module, name, tuple(obj))}; that tuple CPython makes, without Python code. */
final class DequePlan extends ObjectPlan {
    private final long tuple;

    DequePlan(byte[] prefix, long tuple) {
        super(prefix, false);
        this.tuple = tuple;
    }

    @Override
    void write(Encoder encoder, long object, long type, int depth) {
        encoder.requireGil();
        boolean gc = Interpreter.pauseGc();
        long items;
        try {
            items = PythonError.check(CApi.call(tuple, object));
        } finally {
            Interpreter.resumeGc(gc);
        }
        try {
            long start = encoder.open(this);
            encoder.value(items, 1);
            encoder.close(this, start, EXT_CONSTRUCTOR_SINGLE_ARG);
        } finally {
            PyObjects.decref(items);
        }
    }
}
