package dev.fastjvm.langgraph;

import dev.fastjvm.cpython.CApi;
import dev.fastjvm.cpython.DictGuards;
import dev.fastjvm.cpython.PyDict;
import dev.fastjvm.cpython.PyObjects;
import dev.fastjvm.cpython.PythonError;
import dev.fastjvm.memory.Memory;

/**
 * A pydantic v2 model whose stored fields are all there, in order, each of the {@link Shape} that its validator would pass on
 * unchanged: the instance is allocated and its {@code __dict__}, {@code __pydantic_fields_set__}, {@code __pydantic_extra__} and
 * {@code __pydantic_private__} are set as pydantic-core sets them.
 */
final class ModelLoadPlan extends LoadPlan {
    private static final byte[] METHOD_NAME = TypePlan.str("model_validate_json");
    private static final long METHOD = Shape.pack(new byte[][] {METHOD_NAME});
    private static final int METHOD_LENGTH = METHOD_NAME.length;

    private final long type;
    private final byte[][] keys;
    private final long packedKeys;
    private final Shape[] shapes;
    private final long template;
    private final long fieldsSet;
    private final long[] slots;
    private final boolean extra;
    private final long dictName;

    /**
     * @param template dict of the fields in order; GC-tracked, so that its copies are
     * @param slots offsets of {@code __pydantic_fields_set__}, {@code __pydantic_extra__}, {@code __pydantic_private__}
     * @param extra whether the model allows extra fields: they are an empty dict then, else None
     */
    ModelLoadPlan(
            DictGuards guards, long type, byte[][] keys, Shape[] shapes, long template,
            long fieldsSet, long[] slots, boolean extra, long dictName) {
        super(guards, type);
        this.type = type;
        this.keys = keys;
        this.shapes = shapes;
        this.template = template;
        this.fieldsSet = fieldsSet;
        this.slots = slots;
        this.extra = extra;
        this.dictName = dictName;
        packedKeys = Shape.pack(keys);
    }

    /** Reads the rest of {@code [module, name, …]}; an owned instance, or PlanAbort where the bytes do not fit. */
    long build(Decoder decoder) {
        if (decoder.mapHead() != keys.length) {
            throw PlanAbort.OBJECT;
        }
        int at = decoder.reserve(keys.length);
        long key = packedKeys;
        for (int i = 0; i < keys.length; i++) {
            if (!decoder.take(key, keys[i].length)) {
                throw PlanAbort.OBJECT;
            }
            key += keys[i].length;
            decoder.keep(at + i, shapes[i].read(decoder, 2));
        }
        // the whole pack is unpacked before anything is made of it
        if (!decoder.take(METHOD, METHOD_LENGTH)) {
            throw PlanAbort.OBJECT;
        }
        long dict = Decoder.copyDict(template);
        long table = PyDict.keys(dict);
        long stride = PyDict.stride(table);
        long entry = PyDict.firstEntry(table);
        for (int i = 0; i < keys.length; i++, entry += stride) {
            Decoder.fill(entry, decoder.kept(at + i));
        }
        decoder.forget(at);
        return instance(dict);
    }

    /** Takes the reference to the dict. */
    private long instance(long dict) {
        long object = CApi.Leaf.PyType_GenericAlloc(type, 0);
        if (object == 0 || CApi.Leaf.PyObject_GenericSetAttr(object, dictName, dict) != 0) {
            throw PythonError.SET;
        }
        PyObjects.decref(dict);
        Memory.putLong(object + slots[0], PythonError.check(CApi.Leaf.PySet_New(fieldsSet)));
        Memory.putLong(object + slots[1], extra ? PythonError.check(CApi.Leaf.PyDict_New())
                : PyObjects.incref(PyObjects.NONE));
        Memory.putLong(object + slots[2], PyObjects.incref(PyObjects.NONE));
        return object;
    }
}
