package dev.fastjvm.msgpack;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.fastjvm.memory.Memory;
import java.io.ByteArrayOutputStream;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.util.HexFormat;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Every format of the msgpack specification at the edges of its range. */
class MsgpackWriterTest {
    /** Starts with no memory at all, so that every value grows it, and fills what is not written yet. */
    private static final class Heap extends MsgpackWriter {
        @Override
        protected void grow(long room) {
            long written = length();
            long size = written + room;
            base = Memory.reallocate(base, size);
            position = base + written;
            limit = base + size;
            for (long at = position; at < limit; at++) {
                Memory.putByte(at, (byte) 0x5A);
            }
        }
    }

    private static byte[] written(Consumer<MsgpackWriter> writes) {
        Heap writer = new Heap();
        writes.accept(writer);
        byte[] bytes = Memory.bytes(writer.base, Math.toIntExact(writer.length()));
        Memory.free(writer.base);
        return bytes;
    }

    private static void assertWritten(String hex, Consumer<MsgpackWriter> writes) {
        assertEquals(hex.replace(" ", ""), HexFormat.of().formatHex(written(writes)));
    }

    private static long block(byte[] bytes) {
        long address = Memory.allocate(bytes.length + 1L);
        Memory.copyIn(bytes, address, bytes.length);
        return address;
    }

    private static byte[] pattern(int length) {
        byte[] bytes = new byte[length];
        for (int i = 0; i < length; i++) {
            bytes[i] = (byte) (i * 7 + 1);
        }
        return bytes;
    }

    private static byte[] joined(String head, byte[] content) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        bytes.writeBytes(HexFormat.of().parseHex(head));
        bytes.writeBytes(content);
        return bytes.toByteArray();
    }

    /** Str and bin of a run, where the caller has ensured the room, are written as they are elsewhere, and no further than ensured. */
    @Test
    void shortTextsAndBins() {
        for (int length = 0; length <= MsgpackWriter.SHORT; length++) {
            int size = length;
            long data = block(pattern(size + 16));
            Heap run = new Heap();
            run.ensure(MsgpackWriter.SHORT_ROOM);
            run.position = MsgpackWriter.shortStr(run.position, data, size);
            run.ensure(MsgpackWriter.SHORT_ROOM);
            run.position = MsgpackWriter.shortBin(run.position, data, size);
            assertArrayEquals(written(writer -> {
                writer.str(data, size);
                writer.bin(data, size);
            }), Memory.bytes(run.base, Math.toIntExact(run.length())));
            Memory.free(run.base);
            Memory.free(data);
        }
    }

    @Test
    void constants() {
        assertWritten("c0", MsgpackWriter::nil);
        assertWritten("c2", writer -> writer.bool(false));
        assertWritten("c3", writer -> writer.bool(true));
    }

    @ParameterizedTest
    @CsvSource({"0, 00", "1, 01", "127, 7f", "128, cc80", "255, ccff", "256, cd0100",
            "65535, cdffff", "65536, ce00010000", "4294967295, ceffffffff",
            "4294967296, cf0000000100000000", "9223372036854775807, cf7fffffffffffffff", "-1, ff",
            "-32, e0", "-33, d0df", "-128, d080", "-129, d1ff7f", "-32768, d18000",
            "-32769, d2ffff7fff", "-2147483648, d280000000", "-2147483649, d3ffffffff7fffffff",
            "-9223372036854775808, d38000000000000000"})
    void integers(long value, String hex) {
        assertWritten(hex, writer -> writer.integer(value));
    }

    @ParameterizedTest
    @CsvSource({"0, 00", "9223372036854775808, cf8000000000000000",
            "18446744073709551615, cfffffffffffffffff"})
    void unsignedIntegers(BigInteger value, String hex) {
        assertWritten(hex, writer -> writer.unsigned(value.longValue()));
    }

    @ParameterizedTest
    @ValueSource(doubles = {0.0, -0.0, 1.5, Double.MIN_VALUE, Double.MAX_VALUE, Double.NaN,
            Double.NEGATIVE_INFINITY})
    void floats(double value) {
        byte[] expected = ByteBuffer.allocate(9).put((byte) 0xCB).putDouble(value).array();
        assertArrayEquals(expected,
                written(writer -> writer.float64(Double.doubleToRawLongBits(value))));
    }

    @ParameterizedTest
    @CsvSource({"0, a0", "1, a1", "7, a7", "8, a8", "31, bf", "32, d920", "255, d9ff",
            "256, da0100", "65535, daffff", "65536, db00010000"})
    void strs(int length, String head) {
        byte[] text = pattern(length);
        long at = block(text);
        assertArrayEquals(joined(head, text), written(writer -> writer.str(at, length)));
        Memory.free(at);
    }

    @ParameterizedTest
    @CsvSource({"0, c400", "1, c401", "255, c4ff", "256, c50100", "65535, c5ffff",
            "65536, c600010000"})
    void bins(int length, String head) {
        byte[] data = pattern(length);
        long at = block(data);
        assertArrayEquals(joined(head, data), written(writer -> writer.bin(at, length)));
        Memory.free(at);
    }

    @ParameterizedTest
    @CsvSource({"0, 90, 80", "15, 9f, 8f", "16, dc0010, de0010", "65535, dcffff, deffff",
            "65536, dd00010000, df00010000"})
    void containerHeads(long length, String array, String map) {
        assertWritten(array, writer -> writer.arrayHead(length));
        assertWritten(map, writer -> writer.mapHead(length));
    }

    /** Whatever head was guessed, the content ends up right behind the head that its length needs. */
    @ParameterizedTest
    @CsvSource({"0, c70005", "1, d405", "2, d505", "3, c70305", "4, d605", "8, d705", "16, d805",
            "17, c71105", "255, c7ff05", "256, c8010005", "65535, c8ffff05", "65536, c90001000005"})
    void exts(int length, String head) {
        byte[] content = pattern(length);
        for (int guess = 2; guess <= 6; guess++) {
            int guessed = guess;
            byte[] bytes = written(writer -> {
                writer.nil();
                long start = writer.beginExt(guessed);
                writer.raw(content);
                assertEquals(head.length() / 2, writer.endExt(start, guessed, 5));
                writer.nil();
            });
            assertArrayEquals(joined("c0" + head, joined("", content)),
                    java.util.Arrays.copyOf(bytes, bytes.length - 1), "guessed " + guess);
            assertEquals((byte) Marker.NIL, bytes[bytes.length - 1]);
        }
    }

    @Test
    void rewindForgets() {
        assertWritten("01 c0", writer -> {
            writer.integer(1);
            long length = writer.length();
            writer.integer(70000);
            writer.rewind(length);
            writer.nil();
        });
    }
}
