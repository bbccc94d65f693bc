package dev.fastjvm.langgraph;

import dev.fastjvm.cpython.DictGuards;
import dev.fastjvm.cpython.PyType;

/**
 * What Java knows of one class that may be loaded without a question asked: its module still binds its name to it, and it is
 * as it was when Python described it.
 */
abstract class LoadPlan {
    private final DictGuards guards;
    private final long type;
    private final int tag;
    private int checkedCall = -1;

    /** {@code type}: the class, kept alive by the caller; 0 where only the guards matter. */
    LoadPlan(DictGuards guards, long type) {
        this.guards = guards;
        this.type = type;
        tag = type == 0 ? 0 : PyType.versionTag(type);
    }

    /** Whether the plan holds; looked at once a call, and again after Python code ran. */
    final boolean holds(int call) {
        if (call != checkedCall) {
            if (type != 0 && (tag == 0 || PyType.versionTag(type) != tag) || !guards.hold()) {
                return false;
            }
            checkedCall = call;
        }
        return true;
    }
}
