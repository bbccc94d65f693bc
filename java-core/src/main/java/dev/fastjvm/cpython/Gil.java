package dev.fastjvm.cpython;

import dev.fastjvm.memory.Memory;
import java.io.IOException;
import java.lang.invoke.MethodHandle;

/** Work of a builtin that may have to wait, done while other Python threads run ({@code Py_BEGIN_ALLOW_THREADS}). */
public final class Gil {
    private static final MethodHandle SAVE = CApi.ordinary("PyEval_SaveThread");
    private static final MethodHandle RESTORE = CApi.ordinary("PyEval_RestoreThread");

    private Gil() {}

    /** What is done without the GIL: it touches no Python object but the bytes of those that the caller keeps. */
    @FunctionalInterface
    public interface Work {
        /** Does it. */
        void run() throws IOException;
    }

    /** Drops the GIL, does the work, takes the GIL again. */
    public static void without(Work work) throws IOException {
        try {
            long state = (long) SAVE.invokeExact(0L, 0L, 0L, 0L);
            try {
                work.run();
            } finally {
                long ignored = (long) RESTORE.invokeExact(state, 0L, 0L, 0L);
            }
        } catch (IOException e) {
            throw e;
        } catch (Throwable thrown) {
            throw Memory.sneaky(thrown);
        }
    }
}
