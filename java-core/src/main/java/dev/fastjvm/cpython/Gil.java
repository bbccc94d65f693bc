package dev.fastjvm.cpython;

import dev.fastjvm.memory.Memory;
import java.io.IOException;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/** Work of a builtin that may have to wait, done while other Python threads run ({@code Py_BEGIN_ALLOW_THREADS}). */
@SuppressWarnings("restricted")
public final class Gil {
    private static final FunctionDescriptor WORDS = FunctionDescriptor.of(ValueLayout.JAVA_LONG,
            ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG,
            ValueLayout.JAVA_LONG);
    private static final MethodHandle SAVE = handle("PyEval_SaveThread");
    private static final MethodHandle RESTORE = handle("PyEval_RestoreThread");

    private Gil() {}

    private static MethodHandle handle(String name) {
        return Linker.nativeLinker().downcallHandle(MemorySegment.ofAddress(Spec.get(name)),
                WORDS);
    }

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
