package dev.fastjvm.json;

import dev.fastjvm.memory.Memory;

/**
 * Writes values to native memory as Python's {@code json.dumps} does by default: ASCII alone, {@code ", "} and {@code ": "}.
 *
 * <p>A text's bytes are looked at and stored eight at a time; what must be escaped is found by arithmetic on the word. Room is made for
 * a text as it is, and again at each escape. The block stays for the next value, up to {@link #KEPT} bytes.
 */
public final class JsonWriter {
    /** What an int of many digits is written by. */
    public static final long GROUP = 1_000_000_000;

    private static final int GROUP_DIGITS = 9;
    private static final long KEPT = 1 << 20;
    private static final long FIRST = 1 << 14;
    /** The longest text; what is longer is no text of JSON that anybody saves. */
    private static final long MOST = 1 << 30;
    /** Bytes that a code point takes at most: two escapes. */
    private static final int LONGEST_ESCAPE = 12;
    private static final int CHUNK = 512;
    private static final int WORD = 8;
    private static final long LONG_DIGITS = 20;

    private static final long ONES = 0x0101010101010101L;
    private static final long HIGH = 0x8080808080808080L;
    private static final long BLANKS = ONES * ' ';

    /** The second byte of a short escape; 0 for none. */
    private static final byte[] SHORT = new byte[128];
    /** Two digits as they lie in memory: of 0 to 99, and of 0x00 to 0xff. */
    private static final short[] DECIMAL = new short[100];
    private static final short[] HEX = new short[256];

    static {
        SHORT['"'] = '"';
        SHORT['\\'] = '\\';
        SHORT['\b'] = 'b';
        SHORT['\f'] = 'f';
        SHORT['\n'] = 'n';
        SHORT['\r'] = 'r';
        SHORT['\t'] = 't';
        for (int i = 0; i < 100; i++) {
            DECIMAL[i] = (short) ('0' + i / 10 | '0' + i % 10 << 8);
        }
        for (int i = 0; i < 256; i++) {
            HEX[i] = (short) (Character.forDigit(i >> 4, 16)
                    | Character.forDigit(i & 0xF, 16) << 8);
        }
    }

    private final byte[] number = new byte[NumberWriter.LONGEST];
    private long base;
    private long position;
    private long limit;

    /** Begins a new value. */
    public void begin() {
        if (limit - base > KEPT) {
            free();
        }
        position = base;
    }

    /** Gives the memory back; the next value gets new one. */
    public void free() {
        if (base != 0) {
            Memory.free(base);
        }
        base = 0;
        position = 0;
        limit = 0;
    }

    /** Address of what was written. */
    public long data() {
        return base;
    }

    /** Bytes written. */
    public long length() {
        return position - base;
    }

    private void ensure(long room) {
        if (limit - position < room) {
            grow(room);
        }
    }

    private void grow(long room) {
        long length = position - base;
        if (length + room > MOST) {
            throw new OutOfMemoryError("a text of " + length + " bytes");
        }
        long size = Math.max(FIRST, length + room + (length + room >> 1));
        base = Memory.reallocate(base, size);
        position = base + length;
        limit = base + size;
    }

    /** Writes one character of ASCII. */
    public void one(char letter) {
        ensure(1);
        Memory.putByte(position++, (byte) letter);
    }

    /** Writes two characters of ASCII. */
    public void two(char first, char second) {
        ensure(2);
        Memory.putShort(position, (short) (first | second << 8));
        position += 2;
    }

    /** Writes characters of ASCII. */
    public void plain(String text) {
        int length = text.length();
        ensure(length);
        for (int i = 0; i < length; i++) {
            Memory.putByte(position + i, (byte) text.charAt(i));
        }
        position += length;
    }

    /** Writes an int. */
    public void integer(long value) {
        ensure(LONG_DIGITS + 1);
        long left = value;
        if (left < 0) {
            Memory.putByte(position++, (byte) '-');
            left = -left;
            if (left < 0) {
                plain("9223372036854775808");
                return;
            }
        }
        int digits = digits(left);
        long at = position + digits;
        position = at;
        while (left >= 100) {
            long next = left / 100;
            at -= 2;
            Memory.putShort(at, DECIMAL[(int) (left - 100 * next)]);
            left = next;
        }
        if (left >= 10) {
            Memory.putShort(at - 2, DECIMAL[(int) left]);
        } else {
            Memory.putByte(at - 1, (byte) ('0' + left));
        }
    }

    private static int digits(long value) {
        int count = 1;
        for (long left = value; left >= 10; left /= 10) {
            count++;
        }
        return count;
    }

    /** Writes an int of any size: its magnitude in base {@link #GROUP}, least significant first, none of the first being 0. */
    public void integer(boolean negative, long[] groups, int count) {
        ensure(1);
        if (negative) {
            Memory.putByte(position++, (byte) '-');
        }
        integer(groups[count - 1]);
        ensure((long) GROUP_DIGITS * count);
        for (int i = count - 2; i >= 0; i--) {
            long left = groups[i];
            for (long at = position + GROUP_DIGITS - 2; at > position; at -= 2) {
                Memory.putShort(at, DECIMAL[(int) (left % 100)]);
                left /= 100;
            }
            Memory.putByte(position, (byte) ('0' + left));
            position += GROUP_DIGITS;
        }
    }

    /** Writes a float from its bits. */
    public void float64(long bits) {
        double value = Double.longBitsToDouble(bits);
        long whole = (long) value;
        if (whole == value && (whole != 0 || bits == 0) && Math.abs(whole) < 1L << 53) {
            integer(whole);
            two('.', '0');
            return;
        }
        int length = NumberWriter.put(value, number, 0);
        if (length < 0) {
            plain(value != value ? "NaN" : value > 0 ? "Infinity" : "-Infinity");
            return;
        }
        ensure(NumberWriter.LONGEST);
        Memory.copyIn(number, position, length);
        position += length;
    }

    /**
     * Writes a text of ASCII in quotes. Of its memory nothing is read but whole words that begin at its start, as with
     * {@link Memory#copyWords}, and the text.
     */
    public void ascii(long data, long length) {
        ensure(length + 2 * WORD);
        long end = data + length;
        long from = data;
        long to = position;
        Memory.putByte(to++, (byte) '"');
        while (from < end) {
            long odd = 0;
            while (end - from >= WORD) {
                long word = Memory.getLong(from);
                Memory.putLong(to, word);
                odd = odd(word);
                if (odd != 0) {
                    break;
                }
                from += WORD;
                to += WORD;
            }
            if (odd == 0) {
                long left = end - from;
                if (left == 0) {
                    break;
                }
                long word = length >= WORD ? Memory.getLong(end - WORD) >>> 8 * (WORD - left)
                        : Memory.getLong(data) >>> 8 * (from - data);
                long beyond = -1L << 8 * left;
                word = word & ~beyond | BLANKS & beyond;
                Memory.putLong(to, word);
                odd = odd(word);
                if (odd == 0) {
                    to += left;
                    break;
                }
            }
            int before = Long.numberOfTrailingZeros(odd) >> 3;
            from += before;
            position = to + before;
            ensure(end - from + LONGEST_ESCAPE + 2 * WORD);
            escape(Memory.getByte(from++));
            to = position;
        }
        Memory.putByte(to, (byte) '"');
        position = to + 1;
    }

    /** The high bit of the first byte that is escaped, of eight below 128; others above it may be set too. */
    private static long odd(long word) {
        return (word - BLANKS | (word ^ ONES * '"') - ONES | (word ^ ONES * '\\') - ONES
                | word + ONES) & HIGH;
    }

    /** Writes a code unit below 2^16 that does not stand for itself; the caller has made room. */
    private void escape(int unit) {
        int brief = unit < 128 ? SHORT[unit] : 0;
        if (brief != 0) {
            Memory.putShort(position, (short) ('\\' | brief << 8));
            position += 2;
            return;
        }
        Memory.putShort(position, (short) ('\\' | 'u' << 8));
        Memory.putShort(position + 2, HEX[unit >> 8]);
        Memory.putShort(position + 4, HEX[unit & 0xFF]);
        position += 6;
    }

    /**
     * Writes a text of code points of one width (1, 2 or 4 bytes) in quotes.
     *
     * @return whether one of them is a surrogate
     */
    public boolean wide(long data, long length, int width) {
        boolean surrogates = false;
        one('"');
        for (long start = 0; start < length; start += CHUNK) {
            long end = Math.min(length, start + CHUNK);
            ensure(CHUNK * LONGEST_ESCAPE);
            for (long i = start; i < end; i++) {
                int point = width == 1 ? Memory.getByte(data + i) & 0xFF
                        : width == 2 ? Memory.getShort(data + 2 * i) & 0xFFFF
                                : Memory.getInt(data + 4 * i);
                if (point >= ' ' && point < 0x7F && SHORT[point] == 0) {
                    Memory.putByte(position++, (byte) point);
                } else if (point < 0x10000) {
                    surrogates |= (point & 0xF800) == 0xD800;
                    escape(point);
                } else {
                    escape(Character.highSurrogate(point));
                    escape(Character.lowSurrogate(point));
                }
            }
        }
        one('"');
        return surrogates;
    }
}
