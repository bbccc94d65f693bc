package dev.fastjvm.cpython;

/** Java hands the call back: the builtin returns NotImplemented and the original runs. Never after a visible side effect. */
public final class Decline extends RuntimeException {
    private static final long serialVersionUID = 1;
    public static final Decline CALL = new Decline();

    private Decline() {
        super(null, null, false, false);
    }
}
