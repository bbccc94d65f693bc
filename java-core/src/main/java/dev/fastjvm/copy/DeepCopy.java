package dev.fastjvm.copy;

import dev.fastjvm.cpython.Builtin;
import dev.fastjvm.cpython.CApi;
import dev.fastjvm.cpython.Decline;
import dev.fastjvm.cpython.Greenlets;
import dev.fastjvm.cpython.Interpreter;
import dev.fastjvm.cpython.PyDict;
import dev.fastjvm.cpython.PyObjects;
import dev.fastjvm.cpython.PythonError;
import dev.fastjvm.memory.Memory;

/**
 * The builtin {@code deepcopy(x, memo)}: {@code copy.deepcopy}.
 *
 * <p>Two walks. {@link PlainCopy} runs no Python code; where it meets an object that needs some, what it made is dropped, having been
 * seen by nobody, and {@link MixedCopy} begins anew with a real memo. A memo of the caller's goes to the second at once.
 *
 * <p>Declines before the configuration, where the tables of {@code copy} were changed, for a memo that is no exact dict, past
 * {@link PlainCopy#DEPTH_LIMIT} levels, for a while after a mixed walk that found little but objects for Python, and where Python code would have to run while greenlets can exist.
 */
public final class DeepCopy extends Builtin {
    private static final long TOO_DEEP =
            Memory.immortalText("maximum recursion depth exceeded in a deep copy");
    /** So many mixed copies are the original's after one that was hardly more than calls of it. */
    private static final int PATIENCE = 64;

    private Kinds kinds;
    private long deepcopy;
    private long keepAlive;
    private PlainCopy idle;
    private int left;

    public DeepCopy() {
        super("deepcopy",
                "deepcopy($module, x, memo, /)\n--\n\nCopy as copy.deepcopy does; NotImplemented is a decline.");
    }

    @Override
    protected long call(long args, long nargs) {
        if (nargs != 2 || kinds == null || !kinds.hold()) {
            return decline();
        }
        long object = Memory.getLong(args);
        long memo = Memory.getLong(args + 8);
        if (memo == PyObjects.NONE) {
            if (kinds.isAtomic(PyObjects.type(object))) {
                return PyObjects.incref(object);
            }
            try {
                return plain(object);
            } catch (Odd odd) {
                if (left > 0) {
                    left--;
                    return decline();
                }
            }
        } else if (PyObjects.type(memo) != PyDict.TYPE) {
            return decline();
        }
        if (Greenlets.possible()) {
            return decline();
        }
        return mixed(object, memo);
    }

    private long plain(long object) {
        PlainCopy walk = idle;
        boolean gc = Interpreter.pauseGc();
        try {
            return walk.copy(object);
        } finally {
            Interpreter.resumeGc(gc);
        }
    }

    private long mixed(long object, long given) {
        boolean gc = Interpreter.pauseGc();
        long memo = 0;
        MixedCopy walk = null;
        try {
            memo = given == PyObjects.NONE ? PythonError.check(CApi.Leaf.PyDict_New())
                    : PyObjects.incref(given);
            walk = new MixedCopy(kinds, deepcopy, keepAlive, this::countCallback, memo);
            long copied = walk.value(object, 0);
            left = walk.paid() ? 0 : PATIENCE;
            return copied;
        } catch (StackOverflowError deep) {
            // Python code has run: too late for a decline
            CApi.PyErr_SetString(CApi.PyExc_RecursionError, TOO_DEEP);
            throw PythonError.SET;
        } finally {
            if (walk != null) {
                walk.free();
            }
            if (memo != 0) {
                PyObjects.decref(memo);
            }
            Interpreter.resumeGc(gc);
        }
    }

    /** The builtin {@code deepcopy_configure(deepcopy, keep_alive, atomic, guards, dispatch, reducers)}. */
    public static final class Configure extends Builtin {
        private final DeepCopy copier;

        public Configure(DeepCopy copier) {
            super("deepcopy_configure",
                    "deepcopy_configure($module, deepcopy, keep_alive, atomic, guards, dispatch, reducers, /)"
                            + "\n--\n\nSet up deepcopy.");
            this.copier = copier;
        }

        @Override
        protected long call(long args, long nargs) {
            if (nargs != 6) {
                throw Decline.CALL;
            }
            copier.deepcopy = PyObjects.incref(Memory.getLong(args));
            copier.keepAlive = PyObjects.incref(Memory.getLong(args + 8));
            Kinds kinds = new Kinds(Memory.getLong(args + 16), Memory.getLong(args + 24),
                    Memory.getLong(args + 32), Memory.getLong(args + 40));
            copier.idle = new PlainCopy(kinds);
            copier.kinds = kinds;
            return PyObjects.incref(PyObjects.NONE);
        }
    }
}
