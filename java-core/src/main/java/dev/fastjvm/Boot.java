package dev.fastjvm;

import dev.fastjvm.cpython.Builtin;
import dev.fastjvm.cpython.Bridge;
import dev.fastjvm.cpython.Spec;
import dev.fastjvm.memory.Memory;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * The entry points of every host (JPype, JNI, Jep): only longs cross, all of them are called without the GIL, and every text
 * is NUL-terminated UTF-8 at an address that stays valid.
 */
public final class Boot {
    private static List<Builtin> builtins = List.of();

    private Boot() {}

    /** Names of the C-API symbols that {@link #boot} wants, one a line; a trailing {@code ?} marks an optional one. */
    public static long symbols() {
        return Memory.immortalText(String.join("\n", Bridge.symbols()));
    }

    /**
     * Makes the builtins.
     *
     * @param spec address of {@code key=value} lines, see {@link Spec}
     * @return address of one line per builtin, {@code name methoddef counters}, or of {@code error reason}
     */
    public static synchronized long boot(long spec) {
        try {
            if (builtins.isEmpty()) {
                Spec.load(Memory.text(spec));
                Bridge.link();
                builtins = Builtins.make();
                Bridge.prelink(builtins);
            }
            return Memory.immortalText(builtins.stream()
                    .map(builtin -> builtin.name() + " " + builtin.methodDef() + " "
                            + builtin.counters())
                    .collect(Collectors.joining("\n")));
        } catch (Throwable thrown) {
            return Memory.immortalText("error " + thrown);
        }
    }

    /**
     * Warms a builtin on a private sample object.
     *
     * @param spec address of {@code builtin=}, {@code object=} and {@code millis=} lines
     * @return best ns per call, or 0 where the builtin can't run without the GIL
     */
    public static long warm(long spec) {
        try {
            Map<String, String> task = Memory.text(spec).lines()
                    .filter(line -> line.contains("="))
                    .collect(Collectors.toMap(line -> line.substring(0, line.indexOf('=')),
                            line -> line.substring(line.indexOf('=') + 1)));
            long object = Long.parseLong(task.get("object"));
            long end = System.nanoTime() + Long.parseLong(task.get("millis")) * 1_000_000;
            for (Builtin builtin : builtins) {
                if (builtin.name().equals(task.get("builtin"))) {
                    long best = builtin.warm(object);
                    while (best > 0 && System.nanoTime() < end) {
                        best = Math.min(best, builtin.warm(object));
                    }
                    return best;
                }
            }
            return 0;
        } catch (Throwable thrown) {
            return 0;
        }
    }

    /** Says whether a builtin on the calling thread waits for the Python code that it called: 1 or 0. */
    public static long insideBuiltin() {
        for (StackTraceElement frame : new Throwable().getStackTrace()) {
            String name = frame.getClassName();
            if (name.startsWith("dev.fastjvm.") && !name.equals(Boot.class.getName())) {
                return 1;
            }
        }
        return 0;
    }

    /** The last Throwable that a builtin turned into a decline, as text, or an empty text. */
    public static long failure() {
        Throwable thrown = Builtin.lastFailure();
        if (thrown == null) {
            return Memory.immortalText("");
        }
        StringBuilder trace = new StringBuilder(String.valueOf(thrown));
        StackTraceElement[] frames = thrown.getStackTrace();
        for (int i = 0; i < Math.min(frames.length, 20); i++) {
            trace.append("\n\tat ").append(frames[i]);
        }
        return Memory.immortalText(trace.toString());
    }
}
