package dev.fastjvm.langgraph;

import dev.fastjvm.cpython.CApi;
import dev.fastjvm.cpython.DictGuards;
import dev.fastjvm.cpython.PyList;
import dev.fastjvm.cpython.PyObjects;

/**
 * Any class that its module still binds: Java has looked it up and asked the allow-list, and a short Python function calls it, with
 * the original's ways out of an exception.
 */
final class RevivePlan extends LoadPlan {
    private final long cls;
    private final long function;
    private final boolean safe;
    private final long key;

    /**
     * @param function {@code function(cls, unpacked)}
     * @param safe whether the class is in SAFE_MSGPACK_TYPES
     * @param key the tuple {@code (module, name)}
     */
    RevivePlan(DictGuards guards, long cls, long function, boolean safe, long key) {
        super(guards, 0);
        this.cls = cls;
        this.function = function;
        this.safe = safe;
        this.key = key;
    }

    /** Whether the hook's {@code _check_allowed} would say yes without an event and without a warning. */
    boolean allows(AllowList list, long allowed) {
        return safe || list.allows(allowed, key);
    }

    /** Whether what was unpacked has a payload. */
    static boolean fits(long unpacked) {
        return PyObjects.type(unpacked) == PyList.TYPE && PyList.size(unpacked) >= 3;
    }

    /** Owned, or 0 with PyErr set. */
    long revive(long unpacked) {
        return CApi.call(function, cls, unpacked);
    }
}
