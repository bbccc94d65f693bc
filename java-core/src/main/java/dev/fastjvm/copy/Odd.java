package dev.fastjvm.copy;

/** The walk met what only Python code can copy. */
final class Odd extends RuntimeException {
    private static final long serialVersionUID = 1;
    static final Odd OBJECT = new Odd();

    private Odd() {
        super(null, null, false, false);
    }
}
