package dev.fastjvm.langgraph;

import dev.fastjvm.cpython.PyTuple;

/** {@code _DeltaSnapshot}: ext 7 of its value alone. */
final class DeltaPlan extends ObjectPlan {
    DeltaPlan() {
        super(new byte[0], false);
    }

    @Override
    void write(Encoder encoder, long object, long type, int depth) {
        if (PyTuple.size(object) != 1) {
            throw PlanAbort.OBJECT;
        }
        long start = encoder.open(this);
        encoder.value(PyTuple.item(object, 0), 0);
        encoder.close(this, start, EXT_DELTA_SNAPSHOT);
    }
}
