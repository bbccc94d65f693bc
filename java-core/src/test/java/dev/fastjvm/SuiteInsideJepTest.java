package dev.fastjvm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * The equivalence suite, run by pytest in a Python that a JVM of its own embeds. A few modules with few values by
 * default; {@code -Dsuite=whole} runs all of it, {@code -DexcludedGroups=suite} leaves it out.
 */
@Tag("suite")
class SuiteInsideJepTest {
    private static final Path TESTS = Path.of("..", "tests").toAbsolutePath().normalize();

    @Test
    void theSuitePasses() throws IOException, InterruptedException {
        EmbeddedPython.assumeBuilt();
        boolean whole = "whole".equals(System.getProperty("suite"));
        List<String> command = new ArrayList<>(
                List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "--enable-native-access=ALL-UNNAMED", "-Xmx1g", "-XX:+UseSerialGC", "-cp",
                        System.getProperty("surefire.test.class.path",
                                System.getProperty("java.class.path"))));
        for (String name : List.of("jep.library", "python.program", "python.path")) {
            command.add("-D" + name + "=" + System.getProperty(name));
        }
        command.addAll(List.of("dev.fastjvm.RunInsideJep", "shared", "1",
                TESTS.resolve("hosts").resolve("inside_jep.py").toString()));
        if (whole) {
            command.addAll(List.of("equivalence", "hostile"));
        } else {
            command.addAll(List.of("equivalence/test_served.py", "equivalence/test_plain.py"));
        }
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true)
                .directory(TESTS.getParent().toFile());
        builder.environment().put("FAST_TEST_SCALE", whole ? "1" : "0.05");
        Process process = builder.start();
        List<String> said = new ArrayList<>();
        try (BufferedReader output = process.inputReader()) {
            for (String line = output.readLine(); line != null; line = output.readLine()) {
                said.add(line);
                System.out.println(line); // calls and declines, in the log of every run
            }
        }
        assertEquals(0, process.waitFor(), "pytest inside of Java failed, see above");
        assertTrue(said.stream().anyMatch(line -> line.startsWith("served by Java, host jep")),
                "the suite did not say who served");
    }
}
