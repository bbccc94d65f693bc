package dev.fastjvm.langgraph;

import dev.fastjvm.cpython.PyDict;
import dev.fastjvm.cpython.PyInstance;
import dev.fastjvm.cpython.PyObjects;
import dev.fastjvm.memory.Memory;

/**
 * A pydantic v2 model whose fields are all {@link Shape}s: ext 5 of {@code (module, name, obj.model_dump(),
 * "model_validate_json")}, and a plain map where another model holds it.
 *
 * <p>The instance's {@code __dict__} must hold the fields, in their order, and nothing else; its keys are compared by address
 * with the interned field names, which finds attributes that were added behind pydantic's back.
 */
final class ModelPlan extends TypePlan {
    private static final byte[] METHOD = str("model_validate_json");

    private final long[] names;
    private final byte[][] keys;
    private final Shape[] shapes;
    private final long extraOffset;

    ModelPlan(byte[] prefix, long[] names, byte[][] keys, Shape[] shapes, long extraOffset) {
        super(prefix);
        this.names = names;
        this.keys = keys;
        this.shapes = shapes;
        this.extraOffset = extraOffset;
    }

    @Override
    void encode(Encoder encoder, long object, long type, int depth) {
        encoder.planned(this, object, type, depth);
    }

    @Override
    void encodeInModel(Encoder encoder, long object, long type, int depth) {
        fields(encoder, object, type, depth);
    }

    @Override
    void write(Encoder encoder, long object, long type, int depth) {
        long start = encoder.open(this);
        fields(encoder, object, type, 1);
        encoder.raw(METHOD);
        encoder.close(this, start, EXT_PYDANTIC_V2);
    }

    private void fields(Encoder encoder, long object, long type, int depth) {
        long dict = PyInstance.dict(object, type);
        if (dict == 0 || PyDict.isSplit(dict) || PyDict.size(dict) != names.length
                || depth >= Shape.DEPTH_LIMIT) {
            throw PlanAbort.OBJECT;
        }
        long extra = Memory.getLong(object + extraOffset);
        if (extra != 0 && extra != PyObjects.NONE
                && (PyObjects.type(extra) != PyDict.TYPE || PyDict.size(extra) != 0)) {
            throw PlanAbort.OBJECT;
        }
        long table = PyDict.keys(dict);
        long count = PyDict.entryCount(table);
        if (count != names.length) {
            throw PlanAbort.OBJECT;
        }
        long stride = PyDict.stride(table);
        long entry = PyDict.firstEntry(table);
        encoder.enterModel();
        encoder.mapHead(count);
        for (int i = 0; i < names.length; i++, entry += stride) {
            if (PyDict.entryKey(entry) != names[i]) {
                throw PlanAbort.OBJECT;
            }
            encoder.raw(keys[i]);
            shapes[i].write(encoder, PyDict.entryValue(entry), depth + 1);
        }
        encoder.leaveModel();
    }
}
