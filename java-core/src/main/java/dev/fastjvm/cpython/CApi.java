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
    private static final FunctionDescriptor L_V = FunctionDescriptor.of(LONG);
    private static final FunctionDescriptor L_L = FunctionDescriptor.of(LONG, LONG);
    private static final FunctionDescriptor L_LL = FunctionDescriptor.of(LONG, LONG, LONG);
    private static final FunctionDescriptor L_LLL = FunctionDescriptor.of(LONG, LONG, LONG, LONG);
    private static final FunctionDescriptor L_LLLL = FunctionDescriptor.of(LONG, LONG, LONG, LONG, LONG);
    private static final FunctionDescriptor L_D = FunctionDescriptor.of(LONG, ValueLayout.JAVA_DOUBLE);
    private static final FunctionDescriptor I_V = FunctionDescriptor.of(ValueLayout.JAVA_INT);
    private static final FunctionDescriptor I_L = FunctionDescriptor.of(ValueLayout.JAVA_INT, LONG);
    private static final FunctionDescriptor I_LL = FunctionDescriptor.of(ValueLayout.JAVA_INT, LONG, LONG);
    private static final FunctionDescriptor I_LLL = FunctionDescriptor.of(ValueLayout.JAVA_INT, LONG, LONG, LONG);
    private static final FunctionDescriptor I_LLLL = FunctionDescriptor.of(ValueLayout.JAVA_INT, LONG, LONG, LONG, LONG);
    private static final FunctionDescriptor V_L = FunctionDescriptor.ofVoid(LONG);
    private static final FunctionDescriptor V_LL = FunctionDescriptor.ofVoid(LONG, LONG);
    private static final FunctionDescriptor V_V = FunctionDescriptor.ofVoid();

    public static final long PyExc_TypeError = Spec.get("PyExc_TypeError");
    public static final long PyExc_ValueError = Spec.get("PyExc_ValueError");
    public static final long PyExc_Exception = Spec.get("PyExc_Exception");

    private static final MethodHandle TUPLE_NEW = ordinary("PyTuple_New", L_L);
    private static final MethodHandle CALL = ordinary("PyObject_Call", L_LLL);
    private static final MethodHandle STR = ordinary("PyObject_Str", L_L);
    private static final MethodHandle DECREF = ordinary("Py_DecRef", V_L);
    private static final MethodHandle SET_ITEM = ordinary("PyDict_SetItem", I_LLL);
    private static final MethodHandle SET_STRING = ordinary("PyErr_SetString", V_LL);
    private static final MethodHandle CHECK_SIGNALS = ordinary("PyErr_CheckSignals", I_V);
    private static final MethodHandle CLEAR = ordinary("PyErr_Clear", V_V);
    private static final MethodHandle MATCHES = ordinary("PyErr_ExceptionMatches", I_L);

    private CApi() {}

    private static MethodHandle handle(long address, FunctionDescriptor descriptor, Linker.Option... options) {
        return Linker.nativeLinker().downcallHandle(MemorySegment.ofAddress(address), descriptor, options);
    }

    private static MethodHandle ordinary(String name, FunctionDescriptor descriptor) {
        return handle(Spec.get(name), descriptor);
    }

    private static MethodHandle critical(String name, FunctionDescriptor descriptor) {
        return handle(Spec.get(name), descriptor, Linker.Option.critical(false));
    }

    /**
     * Links a handle of each shape by calling a harmless C function through it, without the GIL: else the first real
     * calls would link them, for tens of ms, with the GIL held.
     */
    static void prelink() throws Throwable {
        long labs = Linker.nativeLinker().defaultLookup().findOrThrow("labs").address();
        Linker.Option leaf = Linker.Option.critical(false);
        for (Linker.Option[] options : new Linker.Option[][] {{}, {leaf}}) {
            sink = (long) handle(labs, L_V, options).invokeExact();
            sink = (long) handle(labs, L_L, options).invokeExact(0L);
            sink = (long) handle(labs, L_LL, options).invokeExact(0L, 0L);
            sink = (long) handle(labs, L_LLL, options).invokeExact(0L, 0L, 0L);
            sink = (long) handle(labs, L_LLLL, options).invokeExact(0L, 0L, 0L, 0L);
            sink = (long) handle(labs, L_D, options).invokeExact(0.0);
            sink = (int) handle(labs, I_V, options).invokeExact();
            sink = (int) handle(labs, I_L, options).invokeExact(0L);
            sink = (int) handle(labs, I_LL, options).invokeExact(0L, 0L);
            sink = (int) handle(labs, I_LLL, options).invokeExact(0L, 0L, 0L);
            sink = (int) handle(labs, I_LLLL, options).invokeExact(0L, 0L, 0L, 0L);
            handle(labs, V_L, options).invokeExact(0L);
            handle(labs, V_LL, options).invokeExact(0L, 0L);
            handle(labs, V_V, options).invokeExact();
        }
        Leaf.link();
    }

    private static volatile long sink;

    /** Calls {@code callable} with positional arguments, all borrowed; owned, or 0 with PyErr set. */
    public static long call(long callable, long... arguments) {
        long tuple;
        try {
            tuple = (long) TUPLE_NEW.invokeExact((long) arguments.length);
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
            return (long) CALL.invokeExact(callable, args, kwargs);
        } catch (Throwable thrown) {
            throw Memory.sneaky(thrown);
        }
    }

    /** Owned, or 0 with PyErr set. */
    public static long PyObject_Str(long object) {
        try {
            return (long) STR.invokeExact(object);
        } catch (Throwable thrown) {
            throw Memory.sneaky(thrown);
        }
    }

    public static void Py_DecRef(long object) {
        try {
            DECREF.invokeExact(object);
        } catch (Throwable thrown) {
            throw Memory.sneaky(thrown);
        }
    }

    /** -1 with PyErr set, else 0; may run {@code __hash__}, {@code __eq__} and the finalizer of a replaced value. */
    public static int PyDict_SetItem(long dict, long key, long value) {
        try {
            return (int) SET_ITEM.invokeExact(dict, key, value);
        } catch (Throwable thrown) {
            throw Memory.sneaky(thrown);
        }
    }

    /** Sets PyErr; {@code message} is NUL-terminated UTF-8. */
    public static void PyErr_SetString(long type, long message) {
        try {
            SET_STRING.invokeExact(type, message);
        } catch (Throwable thrown) {
            throw Memory.sneaky(thrown);
        }
    }

    /** Runs pending signal handlers; -1 with PyErr set where one raised. */
    public static int PyErr_CheckSignals() {
        try {
            return (int) CHECK_SIGNALS.invokeExact();
        } catch (Throwable thrown) {
            throw Memory.sneaky(thrown);
        }
    }

    public static void PyErr_Clear() {
        try {
            CLEAR.invokeExact();
        } catch (Throwable thrown) {
            throw Memory.sneaky(thrown);
        }
    }

    /** Whether the error that is set is of the exception type. */
    public static boolean PyErr_ExceptionMatches(long type) {
        try {
            return (int) MATCHES.invokeExact(type) != 0;
        } catch (Throwable thrown) {
            throw Memory.sneaky(thrown);
        }
    }

    /** The critical downcalls. */
    public static final class Leaf {
        private static final MethodHandle DICT_NEXT = critical("PyDict_Next", I_LLLL);
        private static final MethodHandle AS_UTF8 = critical("PyUnicode_AsUTF8AndSize", L_LL);
        private static final MethodHandle UNICODE_NEW = critical("PyUnicode_New", L_LL);
        private static final MethodHandle DECODE_UTF8 = critical("PyUnicode_DecodeUTF8", L_LLL);
        private static final MethodHandle BYTES_NEW = critical("PyBytes_FromStringAndSize", L_LL);
        private static final MethodHandle BYTES_RESIZE = critical("_PyBytes_Resize", I_LL);
        private static final MethodHandle FROM_LONG = critical("PyLong_FromLongLong", L_L);
        private static final MethodHandle FROM_UNSIGNED = critical("PyLong_FromUnsignedLongLong", L_L);
        private static final MethodHandle FROM_DOUBLE = critical("PyFloat_FromDouble", L_D);
        private static final MethodHandle LIST_NEW = critical("PyList_New", L_L);
        private static final MethodHandle TUPLE_NEW = critical("PyTuple_New", L_L);
        private static final MethodHandle LIST_APPEND = critical("PyList_Append", I_LL);
        private static final MethodHandle DICT_NEW = critical("PyDict_New", L_V);
        private static final MethodHandle SET_ITEM = critical("PyDict_SetItem", I_LLL);
        private static final MethodHandle GET_ITEM = critical("PyDict_GetItemWithError", L_LL);
        private static final MethodHandle DICT_COPY = critical("PyDict_Copy", L_L);
        private static final MethodHandle SET_NEW = critical("PySet_New", L_L);
        private static final MethodHandle SET_CONTAINS = critical("PySet_Contains", I_LL);
        private static final MethodHandle ALLOC = critical("PyType_GenericAlloc", L_LL);
        private static final MethodHandle SET_ATTR = critical("PyObject_GenericSetAttr", I_LLL);
        private static final MethodHandle OCCURRED = critical("PyErr_Occurred", L_V);
        private static final MethodHandle GC_ENABLE = critical("PyGC_Enable", I_V);
        private static final MethodHandle GC_DISABLE = critical("PyGC_Disable", I_V);

        private Leaf() {}

        /** Initializes the class. */
        static void link() {}

        /** 0 at the end; writes the borrowed key and value to the two words at {@code pair}. */
        public static int PyDict_Next(long dict, long position, long pair) {
            try {
                return (int) DICT_NEXT.invokeExact(dict, position, pair, pair + 8);
            } catch (Throwable thrown) {
                throw Memory.sneaky(thrown);
            }
        }

        /** Address of UTF-8 that the str keeps, its length at {@code size}; 0 with PyErr set for surrogates. */
        public static long PyUnicode_AsUTF8AndSize(long str, long size) {
            try {
                return (long) AS_UTF8.invokeExact(str, size);
            } catch (Throwable thrown) {
                throw Memory.sneaky(thrown);
            }
        }

        /** Owned, not yet filled, or 0 with PyErr set. */
        public static long PyUnicode_New(long length, long maxchar) {
            try {
                return (long) UNICODE_NEW.invokeExact(length, maxchar);
            } catch (Throwable thrown) {
                throw Memory.sneaky(thrown);
            }
        }

        /** Owned, or 0 with PyErr set; only for input known to be valid UTF-8 ({@code errors} is NULL). */
        public static long PyUnicode_DecodeUTF8(long utf8, long length) {
            try {
                return (long) DECODE_UTF8.invokeExact(utf8, length, 0L);
            } catch (Throwable thrown) {
                throw Memory.sneaky(thrown);
            }
        }

        /** Owned, or 0 with PyErr set; {@code data} may be 0: not yet filled. */
        public static long PyBytes_FromStringAndSize(long data, long length) {
            try {
                return (long) BYTES_NEW.invokeExact(data, length);
            } catch (Throwable thrown) {
                throw Memory.sneaky(thrown);
            }
        }

        /** Resizes the sole reference at {@code cell}; -1 with PyErr set, and the cell zeroed. */
        public static int _PyBytes_Resize(long cell, long length) {
            try {
                return (int) BYTES_RESIZE.invokeExact(cell, length);
            } catch (Throwable thrown) {
                throw Memory.sneaky(thrown);
            }
        }

        public static long PyLong_FromLongLong(long value) {
            try {
                return (long) FROM_LONG.invokeExact(value);
            } catch (Throwable thrown) {
                throw Memory.sneaky(thrown);
            }
        }

        public static long PyLong_FromUnsignedLongLong(long value) {
            try {
                return (long) FROM_UNSIGNED.invokeExact(value);
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
                return (long) LIST_NEW.invokeExact(length);
            } catch (Throwable thrown) {
                throw Memory.sneaky(thrown);
            }
        }

        /** Owned, its items NULL. */
        public static long PyTuple_New(long length) {
            try {
                return (long) TUPLE_NEW.invokeExact(length);
            } catch (Throwable thrown) {
                throw Memory.sneaky(thrown);
            }
        }

        /** -1 with PyErr set, else 0; takes a reference of its own. */
        public static int PyList_Append(long list, long item) {
            try {
                return (int) LIST_APPEND.invokeExact(list, item);
            } catch (Throwable thrown) {
                throw Memory.sneaky(thrown);
            }
        }

        /** Owned. */
        public static long PyDict_New() {
            try {
                return (long) DICT_NEW.invokeExact();
            } catch (Throwable thrown) {
                throw Memory.sneaky(thrown);
            }
        }

        /** Only for keys of exact leaf types, and where no value that it may replace has a finalizer. */
        public static int PyDict_SetItem(long dict, long key, long value) {
            try {
                return (int) SET_ITEM.invokeExact(dict, key, value);
            } catch (Throwable thrown) {
                throw Memory.sneaky(thrown);
            }
        }

        /** Borrowed, or 0 where the exact str key is missing; only for dicts whose keys are str. */
        public static long PyDict_GetItemWithError(long dict, long key) {
            try {
                return (long) GET_ITEM.invokeExact(dict, key);
            } catch (Throwable thrown) {
                throw Memory.sneaky(thrown);
            }
        }

        /** Owned. */
        public static long PyDict_Copy(long dict) {
            try {
                return (long) DICT_COPY.invokeExact(dict);
            } catch (Throwable thrown) {
                throw Memory.sneaky(thrown);
            }
        }

        /** Owned; {@code iterable} may be 0, else an exact set of str. */
        public static long PySet_New(long iterable) {
            try {
                return (long) SET_NEW.invokeExact(iterable);
            } catch (Throwable thrown) {
                throw Memory.sneaky(thrown);
            }
        }

        /** 1 or 0; only for a set and a key of strs and tuples of them. */
        public static int PySet_Contains(long set, long key) {
            try {
                return (int) SET_CONTAINS.invokeExact(set, key);
            } catch (Throwable thrown) {
                throw Memory.sneaky(thrown);
            }
        }

        /** Owned instance with zeroed fields. */
        public static long PyType_GenericAlloc(long type, long items) {
            try {
                return (long) ALLOC.invokeExact(type, items);
            } catch (Throwable thrown) {
                throw Memory.sneaky(thrown);
            }
        }

        /** Only for a getset descriptor of CPython's own, like {@code __dict__}. */
        public static int PyObject_GenericSetAttr(long object, long name, long value) {
            try {
                return (int) SET_ATTR.invokeExact(object, name, value);
            } catch (Throwable thrown) {
                throw Memory.sneaky(thrown);
            }
        }

        /** Borrowed type of the error that is set, or 0. */
        public static long PyErr_Occurred() {
            try {
                return (long) OCCURRED.invokeExact();
            } catch (Throwable thrown) {
                throw Memory.sneaky(thrown);
            }
        }

        /** Returns whether the cyclic GC was on before. */
        public static boolean PyGC_Enable() {
            try {
                return (int) GC_ENABLE.invokeExact() != 0;
            } catch (Throwable thrown) {
                throw Memory.sneaky(thrown);
            }
        }

        /** Returns whether the cyclic GC was on before. */
        public static boolean PyGC_Disable() {
            try {
                return (int) GC_DISABLE.invokeExact() != 0;
            } catch (Throwable thrown) {
                throw Memory.sneaky(thrown);
            }
        }
    }
}
