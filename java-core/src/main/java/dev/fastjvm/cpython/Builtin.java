package dev.fastjvm.cpython;

import dev.fastjvm.memory.Memory;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;

/**
 * A Java method as a CPython builtin (METH_FASTCALL).
 *
 * <p>An upcall stub of type {@code PyObject* (PyObject* self, PyObject* const* args, Py_ssize_t nargs)} behind a PyMethodDef
 * in memory of ours; Python makes the builtin object of it with {@code PyCMethod_New}, the GIL being held. There are three
 * ways out: a value, a decline (NotImplemented), a Python error that is set. One catch of Throwable guards them: a Throwable that
 * left an upcall would end the process.
 *
 * <p>Counters: three int64 {calls, declines, callbacks}, read by Python; plain stores, since the GIL is held.
 */
public abstract class Builtin {
    private static final FunctionDescriptor FASTCALL =
            FunctionDescriptor.of(ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG,
                    ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG);
    private static final int METH_FASTCALL = 0x80;

    private final String name;
    private final String doc;
    private final long counters;
    private long methodDef;

    /** {@code doc} starts with the text signature that CPython shows. */
    protected Builtin(String name, String doc) {
        this.name = name;
        counters = Memory.allocate(24);
        for (int i = 0; i < 3; i++) {
            Memory.putLong(counters + 8 * i, 0);
        }
        this.doc = doc;
    }

    @SuppressWarnings("restricted")
    private long stub() {
        try {
            MethodHandle enter = MethodHandles.lookup()
                    .findVirtual(Builtin.class, "enter",
                            MethodType.methodType(long.class, long.class, long.class, long.class))
                    .bindTo(this);
            return Linker.nativeLinker().upcallStub(enter, FASTCALL, Arena.global()).address();
        } catch (ReflectiveOperationException impossible) {
            throw new AssertionError(impossible);
        }
    }

    /**
     * The builtin's body, with the GIL held.
     *
     * @param args address of the borrowed positional arguments
     * @return an owned reference, or 0 where PyErr is set
     */
    protected abstract long call(long args, long nargs) throws Throwable;

    /** Runs the part of the body that only reads memory on a private sample, without the GIL; returns ns, or 0 where there is none. */
    public long warm(long sample) {
        return 0;
    }

    private long enter(long self, long args, long nargs) {
        if (self == 0) {
            return 0; // prelink, without the GIL
        }
        Memory.putLong(counters, Memory.getLong(counters) + 1);
        try {
            return call(args, nargs);
        } catch (Decline decline) {
            return decline();
        } catch (PythonError error) {
            return 0;
        } catch (Throwable thrown) {
            return failed(thrown);
        }
    }

    /** Counts a decline; NotImplemented, owned. */
    protected final long decline() {
        Memory.putLong(counters + 8, Memory.getLong(counters + 8) + 1);
        return PyObjects.incref(PyObjects.NOT_IMPLEMENTED);
    }

    private long failed(Throwable thrown) {
        try {
            if (CApi.Leaf.PyErr_Occurred() != 0) {
                return 0;
            }
            lastFailure = thrown;
        } catch (Throwable again) {
            lastFailure = again;
        }
        return decline();
    }

    /** Counts an object of a served call that was handed to Python code. */
    protected final void countCallback() {
        Memory.putLong(counters + 16, Memory.getLong(counters + 16) + 1);
    }

    private static volatile Throwable lastFailure;

    /** The last Throwable that became a decline, or null. */
    public static Throwable lastFailure() {
        return lastFailure;
    }

    public final String name() {
        return name;
    }

    /** Address of the PyMethodDef, made at the first call. */
    public final synchronized long methodDef() {
        if (methodDef == 0) {
            long made = Memory.allocate(32);
            Memory.putLong(made, Memory.immortalText(name));
            Memory.putLong(made + 8, stub());
            Memory.putLong(made + 16, METH_FASTCALL);
            Memory.putLong(made + 24, Memory.immortalText(doc));
            methodDef = made;
        }
        return methodDef;
    }

    /** Address of the counters. */
    public final long counters() {
        return counters;
    }

    /** Enters the upcall stub once without the GIL, so that the first real call finds it linked. */
    @SuppressWarnings("restricted")
    final void prelink() throws Throwable {
        MethodHandle call = Linker.nativeLinker()
                .downcallHandle(MemorySegment.ofAddress(Memory.getLong(methodDef() + 8)), FASTCALL);
        long answer = (long) call.invokeExact(0L, 0L, 0L);
        assert answer == 0;
    }
}
