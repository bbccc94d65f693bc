package dev.fastjvm.langgraph;

import dev.fastjvm.cpython.PySet;

/** Exact {@code set} and {@code frozenset}: ext 0 of {@code (module, name, tuple(obj))}. */
final class SetPlan extends ObjectPlan {
    SetPlan(byte[] prefix) {
        super(prefix, false);
    }

    @Override
    void write(Encoder encoder, long object, long type, int depth) {
        long start = encoder.open(this);
        encoder.arrayHead(PySet.size(object));
        long slots = PySet.slots(object);
        for (long slot = 0; slot < slots; slot++) {
            long member = PySet.member(object, slot);
            if (member != 0) {
                encoder.value(member, 2);
            }
        }
        encoder.close(this, start, EXT_CONSTRUCTOR_SINGLE_ARG);
    }
}
