package dev.fastjvm.langgraph;

import dev.fastjvm.cpython.PyObjects;
import dev.fastjvm.memory.Memory;

/** {@code langgraph.types.Send}: ext 1 of {@code (module, name, (node, arg[, timeout]))}. */
final class SendPlan extends ObjectPlan {
    private final long[] offsets;

    /** Offsets of the slots node, arg and, where the class has it, timeout. */
    SendPlan(byte[] prefix, long[] offsets) {
        super(prefix, false);
        this.offsets = offsets;
    }

    @Override
    void write(Encoder encoder, long object, long type, int depth) {
        int count = 2;
        for (int i = 0; i < offsets.length; i++) {
            long value = Memory.getLong(object + offsets[i]);
            if (value == 0) {
                throw PlanAbort.OBJECT;
            }
            if (i == 2 && value != PyObjects.NONE) {
                count = 3;
            }
        }
        long start = encoder.open(this);
        encoder.arrayHead(count);
        for (int i = 0; i < count; i++) {
            encoder.value(Memory.getLong(object + offsets[i]), 2);
        }
        encoder.close(this, start, EXT_CONSTRUCTOR_POS_ARGS);
    }
}
