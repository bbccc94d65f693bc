package dev.fastjvm.msgpack;

import dev.fastjvm.memory.Memory;

/**
 * Validates UTF-8 and decodes it to code points of one width.
 *
 * <p>Validity is RFC 3629's: no overlong forms, no surrogates, nothing above U+10FFFF. A character of three or four bytes is
 * read, checked and assembled from one 32-bit load.
 */
public final class Utf8 {
    private static final long HIGH_BITS = 0x8080808080808080L;

    private Utf8() {}

    /** Whether all bytes are below 128. */
    public static boolean isAscii(long data, long length) {
        if (length >= 8) {
            long last = data + length - 8;
            long at = data;
            for (; at + 24 < last; at += 32) {
                long all = Memory.getLong(at) | Memory.getLong(at + 8) | Memory.getLong(at + 16)
                        | Memory.getLong(at + 24);
                if ((all & HIGH_BITS) != 0) {
                    return false;
                }
            }
            for (; at < last; at += 8) {
                if ((Memory.getLong(at) & HIGH_BITS) != 0) {
                    return false;
                }
            }
            return (Memory.getLong(last) & HIGH_BITS) == 0;
        }
        int all = 0;
        for (long i = 0; i < length; i++) {
            all |= Memory.getByte(data + i);
        }
        return all >= 0;
    }

    /** Room in bytes that {@link #decode} needs for its code points. */
    public static long room(long length) {
        return 4 * length + 16;
    }

    /**
     * Validates and decodes to code points of the narrowest width that holds all of them; starts over when a wider one comes.
     *
     * @param out room for {@link #room} bytes
     * @return code points &lt;&lt; 3 | width in bytes (1, 2 or 4); throws where the bytes are no UTF-8
     */
    public static long decode(long data, long length, long out) {
        long end = data + length;
        long count = latin1(data, end, out);
        return count >= 0 ? count << 3 | 1 : ucs2(data, end, out);
    }

    /** Returns the number of code points, or -1 at the first that is not below U+0100. */
    private static long latin1(long data, long end, long out) {
        long from = data;
        long to = out;
        while (from + 8 <= end) {
            long word = Memory.getLong(from);
            Memory.putLong(to, word);
            long high = word & HIGH_BITS;
            int ascii = high == 0 ? 8 : Long.numberOfTrailingZeros(high) >> 3;
            from += ascii;
            to += ascii;
            if (ascii < 8) {
                int pair = Memory.getShort(from);
                if ((pair & 0xC0FE) != 0x80C2 || from + 2 > end) {
                    return -1;
                }
                Memory.putByte(to++, (byte) (pair << 6 | pair >> 8 & 0x3F));
                from += 2;
            }
        }
        while (from < end) {
            int lead = Memory.getByte(from);
            if (lead >= 0) {
                Memory.putByte(to++, (byte) lead);
                from++;
            } else if ((lead & 0xFE) == 0xC2 && from + 1 < end && isTail(from + 1)) {
                Memory.putByte(to++, (byte) (lead << 6 | Memory.getByte(from + 1) & 0x3F));
                from += 2;
            } else {
                return -1;
            }
        }
        return to - out;
    }

    private static long ucs2(long data, long end, long out) {
        long from = data;
        long to = out;
        while (from < end) {
            int lead = Memory.getByte(from) & 0xFF;
            if (lead < 0x80) {
                if (from + 8 <= end) {
                    long word = Memory.getLong(from);
                    long high = word & HIGH_BITS;
                    int ascii = high == 0 ? 8 : Long.numberOfTrailingZeros(high) >> 3;
                    Memory.putLong(to, widen(word));
                    Memory.putLong(to + 8, widen(word >>> 32));
                    from += ascii;
                    to += 2L * ascii;
                } else {
                    Memory.putShort(to, (short) lead);
                    from++;
                    to += 2;
                }
            } else if (lead >= 0xE0 && lead < 0xF0) {
                while (from + 12 <= end && fourOfThree(from, to)) {
                    from += 12;
                    to += 8;
                }
                if (from >= end || (Memory.getByte(from) & 0xF0) != 0xE0) {
                    continue;
                }
                check(from + 2 < end);
                // the byte behind a last character is the terminator of the bytes object
                int word = Memory.getInt(from);
                check((word & 0xC0C000) == 0x808000);
                int point = (word & 0x0F) << 12 | word >> 2 & 0xFC0 | word >> 16 & 0x3F;
                check(isPlain(point));
                Memory.putShort(to, (short) point);
                from += 3;
                to += 2;
            } else if (lead < 0xE0) {
                check(lead >= 0xC2);
                while (from + 8 <= end && fourOfTwo(from, to)) {
                    from += 8;
                    to += 8;
                }
                if (from >= end || (Memory.getByte(from) & 0xE0) != 0xC0) {
                    continue;
                }
                lead = Memory.getByte(from) & 0xFF;
                check(lead >= 0xC2 && from + 1 < end && isTail(from + 1));
                Memory.putShort(to, (short) ((lead & 0x1F) << 6 | Memory.getByte(from + 1) & 0x3F));
                from += 2;
                to += 2;
            } else {
                return ucs4(data, end, out);
            }
        }
        return to - out >> 1 << 3 | 2;
    }

    /** The low four bytes as four words of 16 bits. */
    private static long widen(long bytes) {
        long halves = bytes & 0xFFFFFFFFL;
        halves = (halves | halves << 16) & 0x0000FFFF0000FFFFL;
        return (halves | halves << 8) & 0x00FF00FF00FF00FFL;
    }

    /** Decodes four characters of two bytes each, read as one long; false where that is not what stands there. */
    private static boolean fourOfTwo(long from, long to) {
        long word = Memory.getLong(from);
        long bits = word & 0x001E001E001E001EL;
        boolean overlong =
                (bits + 0x7FFF7FFF7FFF7FFFL & 0x8000800080008000L) != 0x8000800080008000L;
        if ((word & 0xC0E0C0E0C0E0C0E0L) != 0x80C080C080C080C0L || overlong) {
            return false;
        }
        Memory.putLong(to, (word & 0x001F001F001F001FL) << 6 | word >>> 8 & 0x003F003F003F003FL);
        return true;
    }

    /** Decodes four characters of three bytes each, read as one long and one int; false where that is not what stands there. */
    private static boolean fourOfThree(long from, long to) {
        long low = Memory.getLong(from);
        long high = Memory.getInt(from + 8);
        if ((low & 0xC0F0C0C0F0C0C0F0L) != 0x80E08080E08080E0L
                || (high & 0xC0C0F0C0L) != 0x8080E080L) {
            return false;
        }
        long first = (low & 0x0F) << 12 | low >>> 2 & 0xFC0 | low >>> 16 & 0x3F;
        long second = low >>> 12 & 0xF000 | low >>> 26 & 0xFC0 | low >>> 40 & 0x3F;
        long third = low >>> 36 & 0xF000 | low >>> 50 & 0xFC0 | high & 0x3F;
        long fourth = high << 4 & 0xF000 | high >>> 10 & 0xFC0 | high >>> 24 & 0x3F;
        if (!isPlain(first) || !isPlain(second) || !isPlain(third) || !isPlain(fourth)) {
            return false;
        }
        Memory.putLong(to, first | second << 16 | third << 32 | fourth << 48);
        return true;
    }

    /** Whether a code point of three bytes is neither an overlong form nor a surrogate. */
    private static boolean isPlain(long point) {
        return point >= 0x800 && (point & 0xF800) != 0xD800;
    }

    private static long ucs4(long data, long end, long out) {
        long from = data;
        long to = out;
        while (from < end) {
            int lead = Memory.getByte(from) & 0xFF;
            if (lead < 0x80) {
                Memory.putInt(to, lead);
                from++;
            } else if (lead < 0xE0) {
                check(lead >= 0xC2 && from + 1 < end && isTail(from + 1));
                Memory.putInt(to, (lead & 0x1F) << 6 | Memory.getByte(from + 1) & 0x3F);
                from += 2;
            } else if (lead < 0xF0) {
                check(from + 2 < end);
                int word = Memory.getInt(from);
                check((word & 0xC0C000) == 0x808000);
                int point = (word & 0x0F) << 12 | word >> 2 & 0xFC0 | word >> 16 & 0x3F;
                check(point >= 0x800 && (point & 0xF800) != 0xD800);
                Memory.putInt(to, point);
                from += 3;
            } else {
                check(from + 3 < end);
                int word = Memory.getInt(from);
                check((word & 0xC0C0C000) == 0x80808000);
                int point = (word & 0x07) << 18 | word << 4 & 0x3F000 | word >> 10 & 0xFC0
                        | word >> 24 & 0x3F;
                check(lead < 0xF5 && point >= 0x10000 && point <= 0x10FFFF);
                Memory.putInt(to, point);
                from += 4;
            }
            to += 4;
        }
        return to - out >> 2 << 3 | 4;
    }

    private static void check(boolean valid) {
        if (!valid) {
            throw MsgpackFormatException.UTF8;
        }
    }

    private static boolean isTail(long address) {
        return (Memory.getByte(address) & 0xC0) == 0x80;
    }
}
