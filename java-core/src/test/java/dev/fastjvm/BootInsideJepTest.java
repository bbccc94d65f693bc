package dev.fastjvm;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** fast_jvm, imported by a Python that this JVM embeds, boots the very classes under test. */
class BootInsideJepTest {
    @BeforeAll
    static void boot() {
        EmbeddedPython.assumeBuilt();
        EmbeddedPython.exec("import fast_jvm; fast_jvm.wait_ready(60)");
    }

    @Test
    void joinsTheJvmThatEmbedsIt() {
        assertEquals("('jep', 'up', '')",
                EmbeddedPython.repr("(lambda s: (s.host, s.phase, s.reason))(fast_jvm.status())"));
    }
}
