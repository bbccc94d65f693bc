package dev.fastjvm.msgpack;

import dev.fastjvm.memory.Memory;

/**
 * Validates UTF-8 and decodes it to code points of one width.
 *
 * <p>Two passes: the first validates (RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF), counts and finds the
 * widest code point; the second writes without checks. ASCII runs go eight bytes at a time in both.
 */
public final class Utf8 {
    private static final long HIGH_BITS = 0x8080808080808080L;

    private Utf8() {}

    /** Whether all bytes are below 128. */
    public static boolean isAscii(long data, long length) {
        long i = 0;
        for (; i + 8 <= length; i += 8) {
            if ((Memory.getLong(data + i) & HIGH_BITS) != 0) {
                return false;
            }
        }
        if (length >= 8) {
            return (Memory.getLong(data + length - 8) & HIGH_BITS) == 0;
        }
        int all = 0;
        for (; i < length; i++) {
            all |= Memory.getByte(data + i);
        }
        return all >= 0;
    }

    /**
     * Validates.
     *
     * @return code points &lt;&lt; 3 | width of the widest in bytes (1, 2 or 4); throws where the bytes are no UTF-8
     */
    public static long measure(long data, long length) {
        long count = 0;
        int widest = 0;
        long i = 0;
        while (i < length) {
            if (i + 8 <= length && (Memory.getLong(data + i) & HIGH_BITS) == 0) {
                i += 8;
                count += 8;
                continue;
            }
            int lead = Memory.getByte(data + i) & 0xFF;
            if (lead < 0x80) {
                i++;
            } else if (lead < 0xE0) {
                check(lead >= 0xC2 && i + 1 < length && isTail(data + i + 1));
                i += 2;
            } else if (lead < 0xF0) {
                check(i + 2 < length && isTail(data + i + 1) && isTail(data + i + 2));
                int second = Memory.getByte(data + i + 1) & 0xFF;
                check((lead != 0xE0 || second >= 0xA0) && (lead != 0xED || second < 0xA0));
                i += 3;
            } else {
                check(lead < 0xF5 && i + 3 < length && isTail(data + i + 1) && isTail(data + i + 2) && isTail(data + i + 3));
                int second = Memory.getByte(data + i + 1) & 0xFF;
                check((lead != 0xF0 || second >= 0x90) && (lead != 0xF4 || second < 0x90));
                i += 4;
            }
            widest = Math.max(widest, lead);
            count++;
        }
        return count << 3 | (widest >= 0xF0 ? 4 : widest >= 0xC4 ? 2 : 1);
    }

    private static void check(boolean valid) {
        if (!valid) {
            throw MsgpackFormatException.UTF8;
        }
    }

    private static boolean isTail(long address) {
        return (Memory.getByte(address) & 0xC0) == 0x80;
    }

    private static int tail(long address) {
        return Memory.getByte(address) & 0x3F;
    }

    /** Writes valid UTF-8 below U+0100 as one byte a code point. */
    public static void toLatin1(long data, long length, long out) {
        for (long i = 0; i < length; ) {
            int lead = Memory.getByte(data + i) & 0xFF;
            if (lead < 0x80) {
                Memory.putByte(out++, (byte) lead);
                i++;
            } else {
                Memory.putByte(out++, (byte) (lead << 6 | tail(data + i + 1)));
                i += 2;
            }
        }
    }

    /** Writes valid UTF-8 below U+10000 as two bytes a code point. */
    public static void toUcs2(long data, long length, long out) {
        for (long i = 0; i < length; out += 2) {
            int lead = Memory.getByte(data + i) & 0xFF;
            if (lead < 0x80) {
                Memory.putShort(out, (short) lead);
                i++;
            } else if (lead < 0xE0) {
                Memory.putShort(out, (short) ((lead & 0x1F) << 6 | tail(data + i + 1)));
                i += 2;
            } else {
                Memory.putShort(out, (short) (lead << 12 | tail(data + i + 1) << 6 | tail(data + i + 2)));
                i += 3;
            }
        }
    }

    /** Writes valid UTF-8 as four bytes a code point. */
    public static void toUcs4(long data, long length, long out) {
        for (long i = 0; i < length; out += 4) {
            int lead = Memory.getByte(data + i) & 0xFF;
            if (lead < 0x80) {
                Memory.putInt(out, lead);
                i++;
            } else if (lead < 0xE0) {
                Memory.putInt(out, (lead & 0x1F) << 6 | tail(data + i + 1));
                i += 2;
            } else if (lead < 0xF0) {
                Memory.putInt(out, (lead & 0x0F) << 12 | tail(data + i + 1) << 6 | tail(data + i + 2));
                i += 3;
            } else {
                Memory.putInt(out, (lead & 0x07) << 18 | tail(data + i + 1) << 12 | tail(data + i + 2) << 6 | tail(data + i + 3));
                i += 4;
            }
        }
    }
}
