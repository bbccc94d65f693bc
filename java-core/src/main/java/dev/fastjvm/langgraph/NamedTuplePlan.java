package dev.fastjvm.langgraph;

import dev.fastjvm.cpython.PyTuple;

/** A class made by {@code namedtuple}: ext 2 of {@code (module, name, obj._asdict())}. */
final class NamedTuplePlan extends ObjectPlan {
    private final byte[][] keys;

    NamedTuplePlan(byte[] prefix, byte[][] keys) {
        super(prefix, false);
        this.keys = keys;
    }

    @Override
    void write(Encoder encoder, long object, long type, int depth) {
        if (PyTuple.size(object) != keys.length) {
            throw PlanAbort.OBJECT;
        }
        long start = encoder.open(this);
        encoder.mapHead(keys.length);
        for (int i = 0; i < keys.length; i++) {
            encoder.raw(keys[i]);
            encoder.value(PyTuple.item(object, i), 2);
        }
        encoder.close(this, start, EXT_CONSTRUCTOR_KW_ARGS);
    }
}
