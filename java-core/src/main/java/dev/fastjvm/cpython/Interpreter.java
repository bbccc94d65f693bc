package dev.fastjvm.cpython;

/**
 * The cyclic GC around a builtin that makes objects. Up to CPython 3.11 an allocation may start it, and with it finalizers, which are
 * Python code: there it is off meanwhile. From 3.12 on it runs on the eval breaker only. In all of them what was made is no
 * reason to start it, see {@link YoungGeneration}.
 */
public final class Interpreter {
    private static boolean paused;
    private static int before;

    private Interpreter() {}

    /** Turns the GC off where an allocation may start it; answers whether it was on. */
    public static boolean pauseGc() {
        boolean was =
                Layout.AT_LEAST_312 ? CApi.Leaf.PyGC_IsEnabled() : CApi.Leaf.PyGC_Disable();
        if (was) {
            paused = true;
            before = YoungGeneration.count();
        }
        return was;
    }

    /** Undoes {@link #pauseGc}. */
    public static void resumeGc(boolean was) {
        // Python code that ran meanwhile may have turned it off itself
        if (was && paused) {
            paused = false;
            YoungGeneration.settle(before);
            if (!Layout.AT_LEAST_312) {
                CApi.Leaf.PyGC_Enable();
            }
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
