package dev.fastjvm.json;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.fastjvm.memory.Memory;
import java.nio.charset.StandardCharsets;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Numbers are read as Double.parseDouble rounds them, and only those of JSON. */
class NumberReaderTest {
    private final long text = Memory.allocate(2048);
    private final NumberReader reader = new NumberReader();

    @AfterEach
    void free() {
        Memory.free(text);
    }

    /** Reads a number that the text begins with; returns its length, 0 where there is none. */
    private long read(String number, String behind) {
        byte[] bytes = (number + behind + "\0").getBytes(StandardCharsets.US_ASCII);
        Memory.copyIn(bytes, text, bytes.length);
        long end = reader.read(text);
        return end == 0 ? 0 : end - text;
    }

    private void same(String number) {
        assertEquals(number.length(), read(number, ", 1"), number);
        assertFalse(reader.isInteger(), number);
        assertEquals(Double.doubleToRawLongBits(Double.parseDouble(number)),
                Double.doubleToRawLongBits(reader.value()), number);
    }

    @Test
    void asJavaRounds() {
        Random random = new Random(4);
        for (int i = 0; i < 50_000; i++) {
            double value = Double.longBitsToDouble(random.nextLong());
            if (Double.isFinite(value)) {
                same(Double.toString(value));
            }
            same(Double.toString(random.nextGaussian() / 30));
            same("%d.%de%d".formatted(random.nextLong(1L << random.nextInt(1, 63)),
                    random.nextLong(1L << random.nextInt(1, 63)), random.nextInt(-330, 300)));
        }
    }

    @Test
    void halfways() {
        for (String number : new String[] {"9007199254740993.0", "9007199254740993.00000000000001",
                "1.00000000000000011102230246251565404236316680908203125",
                "1.00000000000000011102230246251565404236316680908203124",
                "2.2250738585072011e-308",
                "4.9e-324", "2.4e-324", "1.7976931348623157e308", "0.0", "-0.0", "0e0", "1E+2",
                "1e-0", "0.1", "123456789012345678901234567890.5"}) {
            same(number);
        }
    }

    @Test
    void integers() {
        for (String number : new String[] {"0", "-0", "7", "-12", "123456789012345"}) {
            assertEquals(number.length(), read(number, "]"), number);
            assertTrue(reader.isInteger());
            assertEquals((double) Long.parseLong(number), reader.value());
        }
        assertEquals(0, read("12345678901234567890", "]"));
    }

    @Test
    void whatIsNoNumber() {
        for (String number : new String[] {"", "-", "01", "-01", ".5", "1.", "1.e3", "1e", "1e+",
                "+1", "NaN", "Infinity", "-Infinity", "nul", "x"}) {
            assertEquals(0, read(number, ","), number);
        }
    }
}
