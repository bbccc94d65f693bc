package dev.fastjvm.json;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.fastjvm.memory.Memory;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.util.Random;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** {@link JsonWriter}: what json.dumps writes, in a block that grows. */
class JsonWriterTest {
    private static String written(Consumer<JsonWriter> writes) {
        JsonWriter writer = new JsonWriter();
        writer.begin();
        writes.accept(writer);
        byte[] bytes = Memory.bytes(writer.data(), Math.toIntExact(writer.length()));
        writer.free();
        return new String(bytes, StandardCharsets.US_ASCII);
    }

    /** As py_encode_basestring_ascii: one code unit after the other. */
    private static String quoted(String text) {
        StringBuilder made = new StringBuilder("\"");
        for (char unit : text.toCharArray()) {
            int brief = "\"\\\b\f\n\r\t".indexOf(unit);
            if (brief >= 0) {
                made.append('\\').append("\"\\bfnrt".charAt(brief));
            } else if (unit >= ' ' && unit < 0x7F) {
                made.append(unit);
            } else {
                made.append(String.format("\\u%04x", (int) unit));
            }
        }
        return made.append('"').toString();
    }

    private static String ascii(String text) {
        byte[] bytes = text.getBytes(StandardCharsets.US_ASCII);
        long data = Memory.allocate(bytes.length + 8L);
        try {
            // what lies behind must not be seen
            for (int i = 0; i < bytes.length + 8; i++) {
                Memory.putByte(data + i, i < bytes.length ? bytes[i] : (byte) '"');
            }
            return written(writer -> writer.ascii(data, bytes.length));
        } finally {
            Memory.free(data);
        }
    }

    @Test
    void eachByteAtEachPlace() {
        for (int length = 1; length < 20; length++) {
            for (int at = 0; at < length; at++) {
                for (char letter = 0; letter < 128; letter++) {
                    StringBuilder text = new StringBuilder(
                            "abcdefghijklmnopqrstuvwxyz".substring(0, length));
                    text.setCharAt(at, letter);
                    assertEquals(quoted(text.toString()), ascii(text.toString()));
                }
            }
        }
    }

    @Test
    void textsOfAllKinds() {
        Random random = new Random(5);
        for (int round = 0; round < 2000; round++) {
            int length = random.nextInt(round < 1900 ? 60 : 60_000);
            int share = random.nextInt(1, 30);
            StringBuilder text = new StringBuilder();
            for (int i = 0; i < length; i++) {
                text.append((char) (random.nextInt(share) == 0 ? random.nextInt(128)
                        : 'a' + random.nextInt(26)));
            }
            assertEquals(quoted(text.toString()), ascii(text.toString()));
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 4})
    void widths(int width) {
        int most = width == 1 ? 0x100 : width == 2 ? 0x10000 : 0x110000;
        Random random = new Random(width);
        int length = 3000;
        long data = Memory.allocate((long) width * length);
        StringBuilder text = new StringBuilder();
        boolean surrogates = false;
        for (int i = 0; i < length; i++) {
            int point = random.nextInt(3) == 0 ? random.nextInt(128) : random.nextInt(most);
            surrogates |= point >= 0xD800 && point < 0xE000;
            for (int k = 0; k < width; k++) {
                Memory.putByte(data + (long) i * width + k, (byte) (point >> 8 * k));
            }
            text.appendCodePoint(point);
        }
        boolean[] seen = new boolean[1];
        String made = written(writer -> seen[0] = writer.wide(data, length, width));
        Memory.free(data);
        assertEquals(quoted(text.toString()), made);
        assertEquals(surrogates, seen[0]);
    }

    @ParameterizedTest
    @ValueSource(longs = {0, 1, 9, 10, 99, 100, 101, 999, 1000, 12345, 1L << 32, Long.MAX_VALUE,
            999_999_999_999_999_999L, 1_000_000_000_000_000_000L})
    void integers(long value) {
        assertEquals(Long.toString(value), written(writer -> writer.integer(value)));
        assertEquals(Long.toString(-value), written(writer -> writer.integer(-value)));
        assertEquals(Long.toString(~value), written(writer -> writer.integer(~value)));
    }

    @Test
    void largeIntegers() {
        Random random = new Random(7);
        for (int count = 2; count < 60; count++) {
            long[] groups = new long[count];
            BigInteger value = BigInteger.ZERO;
            for (int i = count - 1; i >= 0; i--) {
                groups[i] = i == count - 1 ? random.nextLong(1, 1 << 30)
                        : random.nextLong(3) * random.nextLong(JsonWriter.GROUP / 2);
                value = value.multiply(BigInteger.valueOf(JsonWriter.GROUP))
                        .add(BigInteger.valueOf(groups[i]));
            }
            assertEquals(value.toString(), written(writer -> writer.integer(false, groups,
                    groups.length)));
            assertEquals("-" + value, written(writer -> writer.integer(true, groups,
                    groups.length)));
        }
    }

    @ParameterizedTest
    @CsvSource({"0.0, 0.0", "-0.0, -0.0", "1.0, 1.0", "-3.0, -3.0", "1e15, 1000000000000000.0",
            "9007199254740991, 9007199254740991.0", "9007199254740992, 9007199254740992.0",
            "1e16, 1e+16", "0.1, 0.1", "NaN, NaN", "Infinity, Infinity", "-Infinity, -Infinity",
            "0.00001, 1e-05"})
    void floats(double value, String wanted) {
        assertEquals(wanted,
                written(writer -> writer.float64(Double.doubleToRawLongBits(value))));
    }

    @Test
    void aBlockIsKeptUnlessItIsLarge() {
        JsonWriter writer = new JsonWriter();
        writer.begin();
        writer.plain("abc");
        long kept = writer.data();
        writer.begin();
        assertEquals(0, writer.length());
        assertEquals(kept, writer.data());
        long data = Memory.allocate(2 << 20);
        for (int i = 0; i < 2 << 20; i++) {
            Memory.putByte(data + i, (byte) 'x');
        }
        writer.ascii(data, 2 << 20);
        assertTrue(writer.length() > 2 << 20);
        writer.begin();
        assertEquals(0, writer.data());
        assertFalse(writer.length() > 0);
        Memory.free(data);
    }
}
