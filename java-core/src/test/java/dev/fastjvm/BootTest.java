package dev.fastjvm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.fastjvm.memory.Memory;
import java.util.HashSet;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What the boot says before it knows any Python. */
class BootTest {
    @Test
    void symbolsAreNamesOfTheCApi() {
        List<String> symbols = Memory.text(Boot.symbols()).lines().toList();
        assertTrue(symbols.size() > 20, () -> symbols.size() + " symbols");
        for (String symbol : symbols) {
            assertTrue(symbol.matches("_?Py\\w+\\??"), symbol);
        }
        assertEquals(symbols.size(), new HashSet<>(symbols).size(), "a symbol is named twice");
    }
}
