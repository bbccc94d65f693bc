package dev.fastjvm.langgraph;

import dev.fastjvm.cpython.DictGuards;
import dev.fastjvm.cpython.PyList;
import dev.fastjvm.cpython.PyObjects;
import dev.fastjvm.cpython.PyUnicode;

/** A class of the standard library that is called with its payload, or with the items of it. */
final class CallPlan extends LoadPlan {
    private final long callable;
    private final boolean spread;
    private final long method;

    /**
     * @param spread whether the payload is a list of arguments
     * @param method the str that must stand behind the payload, or 0
     */
    CallPlan(DictGuards guards, long type, long callable, boolean spread, long method) {
        super(guards, type);
        this.callable = callable;
        this.spread = spread;
        this.method = method;
    }

    /** Whether what was unpacked has the form of {@code [module, name, payload]} or {@code [module, name, payload, method]}. */
    boolean fits(long unpacked) {
        if (PyObjects.type(unpacked) != PyList.TYPE
                || PyList.size(unpacked) != (method == 0 ? 3 : 4)) {
            return false;
        }
        if (method != 0) {
            long given = PyList.item(unpacked, 3);
            if (PyObjects.type(given) != PyUnicode.TYPE || !Shape.sameAscii(method, given)
                    || !PyUnicode.isCompactAscii(given)) {
                return false;
            }
        }
        return !spread || PyObjects.type(PyList.item(unpacked, 2)) == PyList.TYPE;
    }

    long callable() {
        return callable;
    }

    boolean spreads() {
        return spread;
    }
}
