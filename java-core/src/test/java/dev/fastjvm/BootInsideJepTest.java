package dev.fastjvm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** fast_jvm, imported by a Python that this JVM embeds, boots the very classes under test. */
class BootInsideJepTest {
    @BeforeAll
    static void boot() {
        EmbeddedPython.boot();
    }

    @Test
    void joinsTheJvmThatEmbedsIt() {
        assertEquals("('jep', 'up', '')",
                EmbeddedPython.repr("(lambda s: (s.host, s.phase, s.reason))(fast_jvm.status())"));
        assertTrue(Boot.class.getClassLoader() == ClassLoader.getSystemClassLoader());
    }

    @Test
    void noopIsABuiltin() {
        assertEquals("<class 'builtin_function_or_method'>", EmbeddedPython.repr("type(noop)"));
        assertEquals("None", EmbeddedPython.repr("noop()"));
        assertEquals("True", EmbeddedPython.repr("all(noop() is None for _ in range(100_000))"));
    }

    @Test
    void callsAreCounted() {
        EmbeddedPython.exec("before = builtins['noop'].counters; [noop() for _ in range(7)]");
        assertEquals("(7, 0)",
                EmbeddedPython.repr(
                        "tuple(a - b for a, b in zip(builtins['noop'].counters, before))[:2]"));
    }

    @Test
    void theSwitchDeclinesWithoutJava() {
        EmbeddedPython.exec("builtins['noop'].switch(False)");
        assertEquals("NotImplemented", EmbeddedPython.repr("noop()"));
        EmbeddedPython.exec("builtins['noop'].switch(True)");
        assertEquals("None", EmbeddedPython.repr("noop()"));
    }

    @Test
    void theLayoutHolds() {
        assertEquals("None", EmbeddedPython.repr("verify(fast_jvm._layout.facts())"));
    }

    @Test
    void aWrongFactIsNamed() {
        String said = EmbeddedPython.eval("verify([('str', 'abc', b'abc'), ('int', 7, b'7')])",
                String.class);
        assertTrue(said.startsWith("int 1 is read as "), said);
    }

    @Test
    void otherPythonThreadsCallToo() {
        EmbeddedPython.exec(EmbeddedPython.lines("import threading", "answers = []", "def work():",
                "    answers.append([noop() for _ in range(1000)])",
                "threads = [threading.Thread(target=work) for _ in range(4)]",
                "for thread in threads: thread.start()",
                "for thread in threads: thread.join()"));
        assertEquals("[1000, 1000, 1000, 1000]",
                EmbeddedPython.repr("[answer.count(None) for answer in answers]"));
    }
}
