package dev.fastjvm;

import java.io.File;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import jep.Interpreter;
import jep.JepConfig;
import jep.MainInterpreter;
import jep.PyConfig;
import jep.SharedInterpreter;
import org.junit.jupiter.api.Assumptions;

/**
 * CPython inside this JVM, by Jep: one interpreter for all tests, on one thread, since Jep binds an
 * interpreter to the thread that made it. {@code build.py test} builds Jep and hands over the paths.
 */
final class EmbeddedPython {
    private static final ExecutorService THREAD = Executors.newSingleThreadExecutor(task -> {
        Thread thread = new Thread(null, task, "python", 16L << 20);
        thread.setDaemon(true);
        return thread;
    });
    private static Interpreter interpreter;

    private EmbeddedPython() {}

    /** Boots fast_jvm and fast_langgraph once; skips the caller, in words, where Jep was not built. */
    static void boot() {
        assumeBuilt();
        exec(lines("import fast_jvm, fast_langgraph, fast_jvm._boot, fast_jvm._layout",
                "import langgraph.checkpoint.serde.jsonplus",
                "if not fast_jvm.wait_ready(120): raise SystemError(str(fast_jvm.status()))",
                "builtins = fast_jvm._boot.state.builtins",
                "noop, verify = builtins['noop'].function, builtins['verify'].function"));
    }

    /** Prints calls and declines, if there is a Python at all. */
    static void report() {
        if (interpreter != null) {
            exec("print(fast_jvm.status())");
        }
    }

    /** Skips the caller, in words, where Jep was not built. */
    static void assumeBuilt() {
        String missing =
                System.getProperty("jep.missing", "started by hand, without build.py test");
        Assumptions.assumeTrue(System.getProperty("jep.jar") != null,
                "no CPython inside the JVM: " + missing);
    }

    /** Runs statements in the one module all tests share. */
    static void exec(String statements) {
        onThread(() -> {
            python().exec(statements);
            return null;
        });
    }

    /** The value of an expression, converted by Jep. */
    static <T> T eval(String expression, Class<T> type) {
        return onThread(() -> {
            python().exec("_value = (" + expression + ")");
            return python().getValue("_value", type);
        });
    }

    /** The repr() of an expression's value. */
    static String repr(String expression) {
        return eval("repr(" + expression + ")", String.class);
    }

    private static Interpreter python() {
        if (interpreter == null) {
            MainInterpreter.setJepLibraryPath(System.getProperty("jep.library"));
            MainInterpreter.setInitParams(
                    PyConfig.python().setProgramName(System.getProperty("python.program")));
            JepConfig config =
                    new JepConfig().redirectStdErr(System.err).redirectStdout(System.out);
            for (String path : System.getProperty("python.path").split(File.pathSeparator)) {
                config.addIncludePaths(path);
            }
            SharedInterpreter.setConfig(config);
            interpreter = new SharedInterpreter();
        }
        return interpreter;
    }

    private static <T> T onThread(Callable<T> task) {
        try {
            return THREAD.submit(task).get();
        } catch (ExecutionException failed) {
            throw new AssertionError(failed.getCause().getMessage(), failed.getCause());
        } catch (InterruptedException interrupted) {
            throw new AssertionError(interrupted);
        }
    }

    /** The lines as one block. */
    static String lines(String... lines) {
        return String.join("\n", List.of(lines)) + "\n";
    }
}
