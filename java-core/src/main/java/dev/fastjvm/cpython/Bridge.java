package dev.fastjvm.cpython;

import java.util.ArrayList;
import java.util.List;

/** Brings the package up once {@link Spec} is loaded. */
public final class Bridge {
    private Bridge() {}

    /** C-API symbols to resolve, see {@link CApi}; this class alone may be used before {@link Spec} is loaded. */
    public static List<String> symbols() {
        return new ArrayList<>(Symbols.NAMES);
    }

    /** Throws where this interpreter is not one of those that {@link Layout} draws. */
    public static void link() {
        Layout.require();
    }

    /** Links method handles and upcall stubs without the GIL. */
    public static void prelink(List<Builtin> builtins) throws Throwable {
        CApi.prelink();
        for (Builtin builtin : builtins) {
            builtin.prelink();
        }
    }
}
