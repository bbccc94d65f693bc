package dev.fastjvm.cpython;

/** A Python error is set (PyErr_Occurred); the builtin returns NULL and Python raises it. */
public final class PythonError extends RuntimeException {
    private static final long serialVersionUID = 1;
    public static final PythonError SET = new PythonError();

    private PythonError() {
        super(null, null, false, false);
    }

    /** Returns a reference that the C API answered, or throws where it is NULL. */
    public static long check(long reference) {
        if (reference == 0) {
            throw SET;
        }
        return reference;
    }
}
