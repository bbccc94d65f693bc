package dev.fastjvm.memory;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import org.junit.jupiter.api.Test;

/** Copies of every short length write what they should and not one byte beside it. */
class MemoryTest {
    private static final int LONGEST = 400;
    private static final int MARGIN = 16;
    private static final byte GUARD = 0x5A;

    private static byte[] pattern(int length) {
        byte[] bytes = new byte[length];
        for (int i = 0; i < length; i++) {
            bytes[i] = (byte) (i * 31 + 3);
        }
        return bytes;
    }

    private static byte[] guarded(byte[] content) {
        byte[] all = new byte[content.length + 2 * MARGIN];
        Arrays.fill(all, GUARD);
        System.arraycopy(content, 0, all, MARGIN, content.length);
        return all;
    }

    private static void fill(long address, long length) {
        for (long i = 0; i < length; i++) {
            Memory.putByte(address + i, GUARD);
        }
    }

    @Test
    void copies() {
        long from = Memory.allocate(LONGEST + 8);
        long to = Memory.allocate(LONGEST + 2 * MARGIN + 8);
        byte[] source = pattern(LONGEST + 8);
        for (int i = 0; i < source.length; i++) {
            Memory.putByte(from + i, source[i]);
        }
        for (int length = 0; length <= LONGEST; length++) {
            for (int skew = 0; skew < 8; skew += 3) {
                byte[] wanted = Arrays.copyOfRange(source, skew, skew + length);
                int total = length + 2 * MARGIN;
                fill(to, total);
                Memory.copy(from + skew, to + MARGIN, length);
                assertArrayEquals(guarded(wanted), Memory.bytes(to, total), "copy " + length);
                assertTrue(Memory.equal(from + skew, to + MARGIN, length), "equal " + length);
                fill(to, total);
                Memory.copyIn(wanted, to + MARGIN, length);
                assertArrayEquals(guarded(wanted), Memory.bytes(to, total), "copyIn " + length);
            }
        }
        Memory.free(from);
        Memory.free(to);
    }

    @Test
    void movesOverlap() {
        long at = Memory.allocate(64);
        for (int shift : new int[] {-5, 5}) {
            byte[] bytes = pattern(64);
            Memory.copyIn(bytes, at, 64);
            Memory.move(at + 10, at + 10 + shift, 40);
            System.arraycopy(bytes, 10, bytes, 10 + shift, 40);
            assertArrayEquals(bytes, Memory.bytes(at, 64));
        }
        Memory.free(at);
    }

    @Test
    void oneByteDiffers() {
        long left = Memory.allocate(LONGEST);
        long right = Memory.allocate(LONGEST);
        fill(left, LONGEST);
        fill(right, LONGEST);
        for (int length = 1; length <= 40; length++) {
            for (int at = 0; at < length; at++) {
                Memory.putByte(right + at, (byte) 1);
                assertFalse(Memory.equal(left, right, length), length + " at " + at);
                Memory.putByte(right + at, GUARD);
            }
            Memory.putByte(right + length, (byte) 1);
            assertTrue(Memory.equal(left, right, length), "beyond " + length);
            Memory.putByte(right + length, GUARD);
        }
        Memory.free(left);
        Memory.free(right);
    }

    @Test
    void numbersAtOddAddresses() {
        long at = Memory.allocate(64);
        Memory.putLong(at + 3, 0x0123456789ABCDEFL);
        assertEquals(0x0123456789ABCDEFL, Memory.getLong(at + 3));
        Memory.putInt(at + 5, -7);
        assertEquals(-7, Memory.getInt(at + 5));
        Memory.putShort(at + 1, (short) -2);
        assertEquals((short) -2, Memory.getShort(at + 1));
        Memory.putLong(at + 9, Double.doubleToRawLongBits(-0.0));
        assertEquals(-0.0, Memory.getDouble(at + 9));
        Memory.free(at);
    }

    @Test
    void texts() {
        for (String text : new String[] {"", "a", "grüße", "中文", "😀"}) {
            assertEquals(text, Memory.text(Memory.immortalText(text)));
        }
    }
}
