package dev.fastjvm.langgraph;

import dev.fastjvm.memory.Memory;

/** The C class {@code zoneinfo.ZoneInfo}: ext 0 of {@code (module, name, obj.key)}. */
final class ZonePlan extends ObjectPlan {
    private final long keyOffset;

    ZonePlan(byte[] prefix, long keyOffset) {
        super(prefix, false);
        this.keyOffset = keyOffset;
    }

    @Override
    void write(Encoder encoder, long object, long type, int depth) {
        long key = Memory.getLong(object + keyOffset);
        if (key == 0) {
            throw PlanAbort.OBJECT;
        }
        long start = encoder.open(this);
        encoder.value(key, 1);
        encoder.close(this, start, EXT_CONSTRUCTOR_SINGLE_ARG);
    }
}
