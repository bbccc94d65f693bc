package dev.fastjvm.langgraph;

import dev.fastjvm.cpython.CApi;
import dev.fastjvm.cpython.PyObjects;
import dev.fastjvm.cpython.PyUnicode;

/** The exact C class {@code decimal.Decimal}: ext 0 of {@code (module, name, str(obj))}; its str runs no Python code. */
final class DecimalPlan extends ObjectPlan {
    DecimalPlan(byte[] prefix) {
        super(prefix, true);
    }

    @Override
    void write(Encoder encoder, long object, long type, int depth) {
        encoder.requireGil();
        long text = CApi.PyObject_Str(object);
        if (text == 0) {
            CApi.PyErr_Clear();
            throw PlanAbort.OBJECT;
        }
        try {
            if (!PyUnicode.isCompactAscii(text)) {
                throw PlanAbort.OBJECT;
            }
            long start = encoder.open(this);
            encoder.text(text, 1);
            encoder.close(this, start, EXT_CONSTRUCTOR_SINGLE_ARG);
        } finally {
            PyObjects.decref(text);
        }
    }
}
