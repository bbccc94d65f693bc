package dev.fastjvm.cpython;

import dev.fastjvm.memory.Memory;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/**
 * CPython's C functions under their own names; every call holds the GIL.
 *
 * <p>Those in {@link Leaf} are <em>critical</em> downcalls (a few ns, no thread-state transition): they may neither run
 * Python code, nor release the GIL, nor block. All others are ordinary downcalls, behind which anything may happen:
 * a borrowed reference that is not pinned is gone afterwards, a container may have changed.
 */
@SuppressWarnings("restricted")
public final class CApi {
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG;
    /**
     * One shape for all but one function: four words in, one word out. The C ABIs of x86-64 (Windows' too) and AArch64 pass the first four words
     * in registers that the callee may ignore, and leave the upper half of an int answer undefined: it is cut off here. Each
     * shape costs tens of ms to link at boot.
     */
    private static final FunctionDescriptor WORDS =
            FunctionDescriptor.of(LONG, LONG, LONG, LONG, LONG);

    private static final FunctionDescriptor OF_DOUBLE =
            FunctionDescriptor.of(LONG, ValueLayout.JAVA_DOUBLE);

    public static final long PyExc_TypeError = Spec.get("PyExc_TypeError");
    public static final long PyExc_ValueError = Spec.get("PyExc_ValueError");
    public static final long PyExc_Exception = Spec.get("PyExc_Exception");
    public static final long PyExc_RuntimeError = Spec.get("PyExc_RuntimeError");
    public static final long PyExc_RecursionError = Spec.get("PyExc_RecursionError");

    private static final MethodHandle TUPLE_NEW = ordinary("PyTuple_New");
    private static final MethodHandle CALL = ordinary("PyObject_Call");
    private static final MethodHandle STR = ordinary("PyObject_Str");
    private static final MethodHandle AS_UTF8 = ordinary("PyUnicode_AsUTF8AndSize");
    private static final MethodHandle DECREF = ordinary("Py_DecRef");
    private static final MethodHandle SET_ITEM = ordinary("PyDict_SetItem");
    private static final MethodHandle GET_ITEM = ordinary("PyDict_GetItemWithError");
    private static final MethodHandle SET_STRING = ordinary("PyErr_SetString");
    private static final MethodHandle CHECK_SIGNALS = ordinary("PyErr_CheckSignals");
    private static final MethodHandle CLEAR = ordinary("PyErr_Clear");
    private static final MethodHandle MATCHES = ordinary("PyErr_ExceptionMatches");

    private CApi() {}

    private static MethodHandle handle(long address, FunctionDescriptor descriptor,
            Linker.Option... options) {
        return Linker.nativeLinker().downcallHandle(MemorySegment.ofAddress(address), descriptor,
                options);
    }

    static MethodHandle ordinary(String name) {
        return handle(Spec.get(name), WORDS);
    }

    private static MethodHandle critical(String name) {
        return handle(Spec.get(name), WORDS, Linker.Option.critical(false));
    }

    /**
     * Links a handle of each shape by calling a harmless C function through it, without the GIL: else the first real
     * calls would link them, for tens of ms, with the GIL held.
     */
    static void prelink() throws Throwable {
        long labs = Linker.nativeLinker().defaultLookup().findOrThrow("labs").address();
        Linker.Option leaf = Linker.Option.critical(false);
        sink = (long) handle(labs, WORDS).invokeExact(0L, 0L, 0L, 0L);
        sink = (long) handle(labs, WORDS, leaf).invokeExact(0L, 0L, 0L, 0L);
        sink = (long) handle(labs, OF_DOUBLE, leaf).invokeExact(0.0);
        Leaf.link();
    }

    private static volatile long sink;

    /** Calls {@code callable} with positional arguments, all borrowed; owned, or 0 with PyErr set. */
    public static long call(long callable, long... arguments) {
        long tuple;
        try {
            tuple = (long) TUPLE_NEW.invokeExact((long) arguments.length, 0L, 0L, 0L);
        } catch (Throwable thrown) {
            throw Memory.sneaky(thrown);
        }
        if (tuple == 0) {
            return 0;
        }
        for (int i = 0; i < arguments.length; i++) {
            PyTuple.setItem(tuple, i, PyObjects.incref(arguments[i]));
        }
        try {
            return PyObject_Call(callable, tuple, 0);
        } finally {
            PyObjects.decref(tuple);
        }
    }

    /** Owned, or 0 with PyErr set. */
    public static long PyObject_Call(long callable, long args, long kwargs) {
        try {
            return (long) CALL.invokeExact(callable, args, kwargs, 0L);
        } catch (Throwable thrown) {
            throw Memory.sneaky(thrown);
        }
    }

    /** Owned, or 0 with PyErr set. */
    public static long PyObject_Str(long object) {
        try {
            return (long) STR.invokeExact(object, 0L, 0L, 0L);
        } catch (Throwable thrown) {
            throw Memory.sneaky(thrown);
        }
    }

    /** Address of UTF-8 that the str keeps, its length at {@code size}; 0 with PyErr set for surrogates. */
    public static long PyUnicode_AsUTF8AndSize(long str, long size) {
        try {
            return (long) AS_UTF8.invokeExact(str, size, 0L, 0L);
        } catch (Throwable thrown) {
            throw Memory.sneaky(thrown);
        }
    }

    public static void Py_DecRef(long object) {
        try {
            long ignored = (long) DECREF.invokeExact(object, 0L, 0L, 0L);
        } catch (Throwable thrown) {
            throw Memory.sneaky(thrown);
        }
    }

    /** -1 with PyErr set, else 0; may run {@code __hash__}, {@code __eq__} and the finalizer of a replaced value. */
    public static int PyDict_SetItem(long dict, long key, long value) {
        try {
            return (int) (long) SET_ITEM.invokeExact(dict, key, value, 0L);
        } catch (Throwable thrown) {
            throw Memory.sneaky(thrown);
        }
    }

    /** Borrowed, or 0 where the key is missing or PyErr set; may run {@code __hash__} and {@code __eq__}. */
    public static long PyDict_GetItemWithError(long dict, long key) {
        try {
            return (long) GET_ITEM.invokeExact(dict, key, 0L, 0L);
        } catch (Throwable thrown) {
            throw Memory.sneaky(thrown);
        }
    }

    /** Sets PyErr; {@code message} is NUL-terminated UTF-8. */
    public static void PyErr_SetString(long type, long message) {
        try {
            long ignored = (long) SET_STRING.invokeExact(type, message, 0L, 0L);
        } catch (Throwable thrown) {
            throw Memory.sneaky(thrown);
        }
    }

    /** Runs pending signal handlers; -1 with PyErr set where one raised. */
    public static int PyErr_CheckSignals() {
        try {
            return (int) (long) CHECK_SIGNALS.invokeExact(0L, 0L, 0L, 0L);
        } catch (Throwable thrown) {
            throw Memory.sneaky(thrown);
        }
    }

    public static void PyErr_Clear() {
        try {
            long ignored = (long) CLEAR.invokeExact(0L, 0L, 0L, 0L);
        } catch (Throwable thrown) {
            throw Memory.sneaky(thrown);
        }
    }

    /** Whether the error that is set is of the exception type. */
    public static boolean PyErr_ExceptionMatches(long type) {
        try {
            return (int) (long) MATCHES.invokeExact(type, 0L, 0L, 0L) != 0;
        } catch (Throwable thrown) {
            throw Memory.sneaky(thrown);
        }
    }

    /** The critical downcalls. */
    public static final class Leaf {
        private static final MethodHandle DICT_NEXT = critical("PyDict_Next");
        private static final MethodHandle AS_UTF8 = critical("PyUnicode_AsUTF8AndSize");
        private static final MethodHandle UNICODE_NEW = critical("PyUnicode_New");
        private static final MethodHandle DECODE_UTF8 = critical("PyUnicode_DecodeUTF8");
        private static final MethodHandle BYTES_NEW = critical("PyBytes_FromStringAndSize");
        private static final MethodHandle BYTES_RESIZE = critical("_PyBytes_Resize");
        private static final MethodHandle FROM_LONG = critical("PyLong_FromLongLong");
        private static final MethodHandle FROM_UNSIGNED = critical("PyLong_FromUnsignedLongLong");
        private static final MethodHandle FROM_DOUBLE =
                handle(Spec.get("PyFloat_FromDouble"), OF_DOUBLE, Linker.Option.critical(false));
        private static final MethodHandle LIST_NEW = critical("PyList_New");
        private static final MethodHandle TUPLE_NEW = critical("PyTuple_New");
        private static final MethodHandle LIST_APPEND = critical("PyList_Append");
        private static final MethodHandle DICT_NEW = critical("PyDict_New");
        private static final MethodHandle SET_ITEM = critical("PyDict_SetItem");
        private static final MethodHandle GET_ITEM = critical("PyDict_GetItemWithError");
        private static final MethodHandle DICT_COPY = critical("PyDict_Copy");
        private static final MethodHandle SET_NEW = critical("PySet_New");
        private static final MethodHandle SET_CONTAINS = critical("PySet_Contains");
        private static final MethodHandle TRACK = critical("PyObject_GC_Track");
        private static final MethodHandle ALLOC = critical("PyType_GenericAlloc");
        private static final MethodHandle SET_ATTR = critical("PyObject_GenericSetAttr");
        private static final MethodHandle OCCURRED = critical("PyErr_Occurred");
        private static final MethodHandle GC_ENABLE = critical("PyGC_Enable");
        private static final MethodHandle GC_DISABLE = critical("PyGC_Disable");
        private static final MethodHandle GC_IS_ENABLED = critical("PyGC_IsEnabled");

        private Leaf() {}

        /** Initializes the class. */
        static void link() {}

        /** 0 at the end; writes the borrowed key and value to the two words at {@code pair}. */
        public static int PyDict_Next(long dict, long position, long pair) {
            try {
                return (int) (long) DICT_NEXT.invokeExact(dict, position, pair, pair + 8);
            } catch (Throwable thrown) {
                throw Memory.sneaky(thrown);
            }
        }

        /** Address of UTF-8 that the str keeps, its length at {@code size}; 0 with PyErr set for surrogates. */
        public static long PyUnicode_AsUTF8AndSize(long str, long size) {
            try {
                return (long) AS_UTF8.invokeExact(str, size, 0L, 0L);
            } catch (Throwable thrown) {
                throw Memory.sneaky(thrown);
            }
        }

        /** Owned, not yet filled, or 0 with PyErr set. */
        public static long PyUnicode_New(long length, long maxchar) {
            try {
                return (long) UNICODE_NEW.invokeExact(length, maxchar, 0L, 0L);
            } catch (Throwable thrown) {
                throw Memory.sneaky(thrown);
            }
        }

        /** Owned, or 0 with PyErr set; only for input known to be valid UTF-8 ({@code errors} is NULL). */
        public static long PyUnicode_DecodeUTF8(long utf8, long length) {
            try {
                return (long) DECODE_UTF8.invokeExact(utf8, length, 0L, 0L);
            } catch (Throwable thrown) {
                throw Memory.sneaky(thrown);
            }
        }

        /** Owned, or 0 with PyErr set; {@code data} may be 0: not yet filled. */
        public static long PyBytes_FromStringAndSize(long data, long length) {
            try {
                return (long) BYTES_NEW.invokeExact(data, length, 0L, 0L);
            } catch (Throwable thrown) {
                throw Memory.sneaky(thrown);
            }
        }

        /** Resizes the sole reference at {@code cell}; -1 with PyErr set, and the cell zeroed. */
        public static int _PyBytes_Resize(long cell, long length) {
            try {
                return (int) (long) BYTES_RESIZE.invokeExact(cell, length, 0L, 0L);
            } catch (Throwable thrown) {
                throw Memory.sneaky(thrown);
            }
        }

        public static long PyLong_FromLongLong(long value) {
            try {
                return (long) FROM_LONG.invokeExact(value, 0L, 0L, 0L);
            } catch (Throwable thrown) {
                throw Memory.sneaky(thrown);
            }
        }

        public static long PyLong_FromUnsignedLongLong(long value) {
            try {
                return (long) FROM_UNSIGNED.invokeExact(value, 0L, 0L, 0L);
            } catch (Throwable thrown) {
                throw Memory.sneaky(thrown);
            }
        }

        public static long PyFloat_FromDouble(double value) {
            try {
                return (long) FROM_DOUBLE.invokeExact(value);
            } catch (Throwable thrown) {
                throw Memory.sneaky(thrown);
            }
        }

        /** Owned, its items NULL. */
        public static long PyList_New(long length) {
            try {
                return (long) LIST_NEW.invokeExact(length, 0L, 0L, 0L);
            } catch (Throwable thrown) {
                throw Memory.sneaky(thrown);
            }
        }

        /** Owned, its items NULL. */
        public static long PyTuple_New(long length) {
            try {
                return (long) TUPLE_NEW.invokeExact(length, 0L, 0L, 0L);
            } catch (Throwable thrown) {
                throw Memory.sneaky(thrown);
            }
        }

        /** -1 with PyErr set, else 0; takes a reference of its own. */
        public static int PyList_Append(long list, long item) {
            try {
                return (int) (long) LIST_APPEND.invokeExact(list, item, 0L, 0L);
            } catch (Throwable thrown) {
                throw Memory.sneaky(thrown);
            }
        }

        /** Owned. */
        public static long PyDict_New() {
            try {
                return (long) DICT_NEW.invokeExact(0L, 0L, 0L, 0L);
            } catch (Throwable thrown) {
                throw Memory.sneaky(thrown);
            }
        }

        /** Only for keys of exact leaf types, and where no value that it may replace has a finalizer. */
        public static int PyDict_SetItem(long dict, long key, long value) {
            try {
                return (int) (long) SET_ITEM.invokeExact(dict, key, value, 0L);
            } catch (Throwable thrown) {
                throw Memory.sneaky(thrown);
            }
        }

        /** Borrowed, or 0 where the exact str key is missing; only for dicts whose keys are str. */
        public static long PyDict_GetItemWithError(long dict, long key) {
            try {
                return (long) GET_ITEM.invokeExact(dict, key, 0L, 0L);
            } catch (Throwable thrown) {
                throw Memory.sneaky(thrown);
            }
        }

        /** Owned. */
        public static long PyDict_Copy(long dict) {
            try {
                return (long) DICT_COPY.invokeExact(dict, 0L, 0L, 0L);
            } catch (Throwable thrown) {
                throw Memory.sneaky(thrown);
            }
        }

        /** Owned; {@code iterable} may be 0, else an exact set of str. */
        public static long PySet_New(long iterable) {
            try {
                return (long) SET_NEW.invokeExact(iterable, 0L, 0L, 0L);
            } catch (Throwable thrown) {
                throw Memory.sneaky(thrown);
            }
        }

        /** 1 or 0; only for a set and a key of strs and tuples of them. */
        public static int PySet_Contains(long set, long key) {
            try {
                return (int) (long) SET_CONTAINS.invokeExact(set, key, 0L, 0L);
            } catch (Throwable thrown) {
                throw Memory.sneaky(thrown);
            }
        }

        /** Has the cyclic GC see a container that it did not see. */
        public static void PyObject_GC_Track(long object) {
            try {
                long ignored = (long) TRACK.invokeExact(object, 0L, 0L, 0L);
            } catch (Throwable thrown) {
                throw Memory.sneaky(thrown);
            }
        }

        /** Owned instance with zeroed fields. */
        public static long PyType_GenericAlloc(long type, long items) {
            try {
                return (long) ALLOC.invokeExact(type, items, 0L, 0L);
            } catch (Throwable thrown) {
                throw Memory.sneaky(thrown);
            }
        }

        /** Only for a getset descriptor of CPython's own, like {@code __dict__}. */
        public static int PyObject_GenericSetAttr(long object, long name, long value) {
            try {
                return (int) (long) SET_ATTR.invokeExact(object, name, value, 0L);
            } catch (Throwable thrown) {
                throw Memory.sneaky(thrown);
            }
        }

        /** Borrowed type of the error that is set, or 0. */
        public static long PyErr_Occurred() {
            try {
                return (long) OCCURRED.invokeExact(0L, 0L, 0L, 0L);
            } catch (Throwable thrown) {
                throw Memory.sneaky(thrown);
            }
        }

        /** Returns whether the cyclic GC was on before. */
        public static boolean PyGC_Enable() {
            try {
                return (int) (long) GC_ENABLE.invokeExact(0L, 0L, 0L, 0L) != 0;
            } catch (Throwable thrown) {
                throw Memory.sneaky(thrown);
            }
        }

        /** Returns whether the cyclic GC is on. */
        public static boolean PyGC_IsEnabled() {
            try {
                return (int) (long) GC_IS_ENABLED.invokeExact(0L, 0L, 0L, 0L) != 0;
            } catch (Throwable thrown) {
                throw Memory.sneaky(thrown);
            }
        }

        /** Returns whether the cyclic GC was on before. */
        public static boolean PyGC_Disable() {
            try {
                return (int) (long) GC_DISABLE.invokeExact(0L, 0L, 0L, 0L) != 0;
            } catch (Throwable thrown) {
                throw Memory.sneaky(thrown);
            }
        }
    }
}
