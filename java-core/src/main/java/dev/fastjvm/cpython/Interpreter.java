package dev.fastjvm.cpython;

/**
 * The cyclic GC around critical downcalls that allocate: up to CPython 3.11 an allocation may start it, and with it finalizers,
 * which are Python code; from 3.12 on it runs on the eval breaker only.
 */
public final class Interpreter {
    private static boolean paused;

    private Interpreter() {}

    /** Turns the GC off where an allocation may start it; answers whether it has to be turned on again. */
    public static boolean pauseGc() {
        if (Layout.AT_LEAST_312) {
            return false;
        }
        boolean was = CApi.Leaf.PyGC_Disable();
        paused |= was;
        return was;
    }

    /** Undoes {@link #pauseGc}. */
    public static void resumeGc(boolean was) {
        // Python code that ran meanwhile may have turned it off itself
        if (was && paused) {
            paused = false;
            CApi.Leaf.PyGC_Enable();
        }
    }

    /** Puts the GC back for Python code that is about to run; answers whether {@link #leavePython} is to pause it again. */
    public static boolean enterPython() {
        boolean was = paused;
        resumeGc(was);
        return was;
    }

    public static void leavePython(boolean was) {
        if (was) {
            pauseGc();
        }
    }
}
