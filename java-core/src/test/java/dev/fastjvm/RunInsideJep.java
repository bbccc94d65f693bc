package dev.fastjvm;

import java.io.File;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import jep.Interpreter;
import jep.JepConfig;
import jep.MainInterpreter;
import jep.NamingConventionClassEnquirer;
import jep.PyConfig;
import jep.SharedInterpreter;

/**
 * A Java program that runs a Python file in the CPython it embeds:
 * {@code RunInsideJep shared|sub|both <threads> <file> <arguments>}. Each Java thread runs the file once, in an
 * interpreter of its own; {@code both} runs it in a sub-interpreter after the shared ones. The program ends as a Java
 * program does, when main returns: a thread left behind would keep it. What a Python file raises ends it with 1, and a
 * global {@code code} it leaves is the exit code.
 */
final class RunInsideJep {
    private static final long STACK = 16L << 20;

    private RunInsideJep() {}

    /** See the class. */
    public static void main(String[] arguments) throws Exception {
        MainInterpreter.setJepLibraryPath(System.getProperty("jep.library"));
        MainInterpreter.setInitParams(
                PyConfig.python().setProgramName(System.getProperty("python.program")));
        JepConfig config = config();
        SharedInterpreter.setConfig(config);
        String kind = arguments[0];
        int code = kind.equals("sub") ? 0 : run(arguments, SharedInterpreter::new);
        if (code == 0 && !kind.equals("shared")) {
            code = run(arguments, () -> config().createSubInterpreter());
        }
        if (code != 0) {
            System.exit(code);
        }
    }

    private static JepConfig config() {
        JepConfig config = new JepConfig().addIncludePaths(
                System.getProperty("python.path").split(File.pathSeparator));
        return "naming".equals(System.getProperty("enquirer"))
                ? config.setClassEnquirer(new NamingConventionClassEnquirer())
                : config;
    }

    private interface Maker {
        Interpreter make();
    }

    private static int run(String[] arguments, Maker maker) throws InterruptedException {
        List<FutureTask<Integer>> tasks = new ArrayList<>();
        for (int i = 0; i < Integer.parseInt(arguments[1]); i++) {
            FutureTask<Integer> task = new FutureTask<>(() -> run(arguments, maker.make()));
            tasks.add(task);
            // deep recursion in Python needs what its own main thread has
            new Thread(null, task, "python-" + i, STACK).start();
        }
        int worst = 0;
        for (FutureTask<Integer> task : tasks) {
            try {
                worst = Math.max(worst, task.get());
            } catch (ExecutionException failed) {
                failed.getCause().printStackTrace();
                worst = Math.max(worst, 1);
            }
        }
        return worst;
    }

    private static int run(String[] arguments, Interpreter python) {
        try (python) {
            python.set("arguments", List.of(arguments).subList(2, arguments.length));
            python.exec("import sys; sys.argv = [str(text) for text in arguments]");
            python.set("__file__", arguments[2]);
            python.exec("code = 0");
            python.runScript(arguments[2]);
            python.exec("sys.stdout.flush(); sys.stderr.flush()");
            return python.getValue("code", Integer.class);
        }
    }
}
