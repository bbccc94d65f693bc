package dev.fastjvm.langgraph;

import dev.fastjvm.memory.Memory;

/** {@code re.Pattern}: ext 1 of {@code ("re", "compile", (obj.pattern, obj.flags))}. */
final class PatternPlan extends ObjectPlan {
    private final long patternOffset;
    private final long flagsOffset;

    /** Offsets of what {@code re.compile} was given, and of the int that the flags are. */
    PatternPlan(long[] offsets) {
        super(prefix(3, RE, COMPILE), false);
        patternOffset = offsets[0];
        flagsOffset = offsets[1];
    }

    private static final byte[] RE = {'r', 'e'};
    private static final byte[] COMPILE = {'c', 'o', 'm', 'p', 'i', 'l', 'e'};

    @Override
    void write(Encoder encoder, long object, long type, int depth) {
        long pattern = Memory.getLong(object + patternOffset);
        if (pattern == 0) {
            throw PlanAbort.OBJECT;
        }
        long start = encoder.open(this);
        encoder.arrayHead(2);
        encoder.value(pattern, 2);
        encoder.integer(Memory.getInt(object + flagsOffset));
        encoder.close(this, start, EXT_CONSTRUCTOR_POS_ARGS);
    }
}
