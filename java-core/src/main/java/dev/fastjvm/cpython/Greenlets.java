package dev.fastjvm.cpython;

/**
 * Greenlets share one C stack: a switch copies the frames of the one that waits away, Java's among them. The JVM does not know,
 * and its next collection walks what lies there instead. So no code that may switch is called from Java once greenlets can exist.
 */
public final class Greenlets {
    private static final long MODULES = Spec.get("sys.modules");
    private static final long NAME = PyUnicode.of("greenlet");

    private Greenlets() {}

    /** Whether the module is imported. In the main greenlet too user code may switch: its frames are copied like any other's. */
    public static boolean possible() {
        long module = CApi.Leaf.PyDict_GetItemWithError(MODULES, NAME);
        return module != 0 && module != PyObjects.NONE;
    }
}
