package dev.fastjvm.msgpack;

import dev.fastjvm.memory.Memory;

/**
 * Writes msgpack to native memory, each value in its shortest form (as ormsgpack does).
 *
 * <p>Where the memory comes from is the subclass's: {@link #grow} moves what is written to a larger block.
 */
public abstract class MsgpackWriter {
    /** Longest head of any value. */
    private static final long HEAD = 9;

    /** Longest str or bin of a head of one or two bytes. */
    protected static final long SHORT = 255;

    /** Room that the longest of them takes while it is written. */
    protected static final long SHORT_ROOM = SHORT + HEAD + 8;

    private static final int EXT16_HEAD = 4;

    protected long base;
    protected long position;
    protected long limit;

    /** Moves the bytes from base to position to a block with at least {@code room} more bytes; sets all three fields. */
    protected abstract void grow(long room);

    /** Makes room for {@code room} bytes at {@link #position}. */
    protected final void ensure(long room) {
        if (limit - position < room) {
            grow(room);
        }
    }

    /** Bytes written. */
    public final long length() {
        return position - base;
    }

    /** Forgets all after the first {@code length} bytes. */
    public final void rewind(long length) {
        position = base + length;
    }

    private void head(int marker) {
        Memory.putByte(position++, (byte) marker);
    }

    private void head8(int marker, long value) {
        Memory.putShort(position, (short) (marker | value << 8));
        position += 2;
    }

    private void head16(int marker, long value) {
        Memory.putByte(position, (byte) marker);
        Memory.putShort(position + 1, Short.reverseBytes((short) value));
        position += 3;
    }

    private void head32(int marker, long value) {
        Memory.putByte(position, (byte) marker);
        Memory.putInt(position + 1, Integer.reverseBytes((int) value));
        position += 5;
    }

    private void head64(int marker, long value) {
        Memory.putByte(position, (byte) marker);
        Memory.putLong(position + 1, Long.reverseBytes(value));
        position += 9;
    }

    public final void nil() {
        ensure(1);
        head(Marker.NIL);
    }

    public final void bool(boolean value) {
        ensure(1);
        head(value ? Marker.TRUE : Marker.FALSE);
    }

    /** A float64 from its bits. */
    public final void float64(long bits) {
        ensure(HEAD);
        shortFloat(bits);
    }

    /** A float64 from its bits; the caller has ensured 9 bytes. */
    protected final void shortFloat(long bits) {
        head64(Marker.FLOAT64, bits);
    }

    /** A signed integer. */
    public final void integer(long value) {
        ensure(HEAD);
        shortest(value);
    }

    /** An integer of 64 unsigned bits. */
    public final void unsigned(long value) {
        ensure(HEAD);
        if (value < 0) {
            head64(Marker.UINT64, value);
        } else {
            shortest(value);
        }
    }

    /**
     * A signed integer; the caller has ensured 9 bytes. Without branches, since the widths of ints are hard to predict: marker and
     * width come from tables by the number of significant bits, and eight bytes are always written.
     */
    protected final void shortest(long value) {
        long sign = value >> 63;
        int index = 64 - Long.numberOfLeadingZeros(value ^ sign) + ((int) sign & 64);
        int width = WIDTHS[index];
        int marker = MARKERS[index];
        Memory.putByte(position, (byte) (marker | (int) value & TINY[index]));
        Memory.putLong(position + 1, Long.reverseBytes(value << 64 - 8 * width));
        position += 1 + width;
    }

    /** By significant bits, 64 added for a negative value: bytes behind the marker, marker, and what of the value is in the marker. */
    private static final byte[] WIDTHS = new byte[128];

    private static final short[] MARKERS = new short[128];
    private static final short[] TINY = new short[128];

    static {
        for (int bits = 0; bits < 64; bits++) {
            int width = bits < 8 ? 0 : bits == 8 ? 1 : bits <= 16 ? 2 : bits <= 32 ? 4 : 8;
            WIDTHS[bits] = (byte) width;
            MARKERS[bits] =
                    (short) (width == 0 ? 0 : Marker.UINT8 + Integer.numberOfTrailingZeros(width));
            TINY[bits] = (short) (width == 0 ? 0x7F : 0);
            int signed = bits <= 5 ? 0 : bits <= 7 ? 1 : bits <= 15 ? 2 : bits <= 31 ? 4 : 8;
            WIDTHS[64 + bits] = (byte) signed;
            MARKERS[64 + bits] = (short) (signed == 0 ? 0xE0
                    : Marker.INT8 + Integer.numberOfTrailingZeros(signed));
            TINY[64 + bits] = (short) (signed == 0 ? 0x1F : 0);
        }
    }

    /** A str of UTF-8 at an address whose memory may be read up to the next multiple of eight bytes. */
    public final void str(long utf8, long length) {
        ensure(length + HEAD + 8);
        strHead(length);
        Memory.copyWords(utf8, position, length);
        position += length;
    }

    /** Head of a str of {@code length} bytes that follow; the caller has ensured five bytes. */
    protected final void strHead(long length) {
        if (length < 32) {
            head((int) (Marker.FIXSTR | length));
        } else {
            wideHead(Marker.STR8, length);
        }
    }

    /** A bin of bytes at an address; see {@link #str}. */
    public final void bin(long data, long length) {
        ensure(length + HEAD + 8);
        wideHead(Marker.BIN8, length);
        Memory.copyWords(data, position, length);
        position += length;
    }

    /**
     * Writes a str of up to {@link #SHORT} bytes where {@link #SHORT_ROOM} is ensured; returns the address behind it. Without a branch for
     * the head, since the lengths of texts are hard to predict; see {@link #str} for what is read.
     */
    protected static long shortStr(long at, long utf8, long length) {
        long wide = 31 - length >> 63;
        long narrow = Marker.FIXSTR | length;
        Memory.putShort(at, (short) (narrow ^ (narrow ^ (Marker.STR8 | length << 8)) & wide));
        long to = at + 1 - wide;
        Memory.copyWords(utf8, to, length);
        return to + length;
    }

    /** Writes a bin; see {@link #shortStr}. */
    protected static long shortBin(long at, long data, long length) {
        Memory.putShort(at, (short) (Marker.BIN8 | length << 8));
        Memory.copyWords(data, at + 2, length);
        return at + 2 + length;
    }

    /** The marker for lengths below 256, or one of the two behind it, and the length. */
    private void wideHead(int marker, long length) {
        if (length < 256) {
            head8(marker, length);
        } else if (length < 65536) {
            head16(marker + 1, length);
        } else {
            head32(marker + 2, length);
        }
    }

    public final void arrayHead(long length) {
        ensure(HEAD);
        if (length < 16) {
            head((int) (Marker.FIXARRAY | length));
        } else if (length < 65536) {
            head16(Marker.ARRAY16, length);
        } else {
            head32(Marker.ARRAY32, length);
        }
    }

    public final void mapHead(long length) {
        ensure(HEAD);
        if (length < 16) {
            head((int) (Marker.FIXMAP | length));
        } else if (length < 65536) {
            head16(Marker.MAP16, length);
        } else {
            head32(Marker.MAP32, length);
        }
    }

    /** Bytes that are msgpack already. */
    public final void raw(long from, long length) {
        ensure(length);
        Memory.copy(from, position, length);
        position += length;
    }

    /** Bytes that are msgpack already. */
    public final void raw(byte[] from) {
        ensure(from.length);
        Memory.copyIn(from, position, from.length);
        position += from.length;
    }

    /**
     * Leaves room for the head of an ext whose length is not known yet; a wrong guess costs one move of its content.
     *
     * @param head size of the head that is expected, see {@link #endExt}
     * @return offset of the head
     */
    public final long beginExt(int head) {
        ensure(HEAD);
        long start = position - base;
        position += head;
        return start;
    }

    /** Writes the head of the ext that began at {@code start} with room for {@code head} bytes; returns the head's size. */
    public final int endExt(long start, int head, int code) {
        long length = position - base - start - head;
        int marker = length == 1 ? Marker.FIXEXT1
                : length == 2 ? Marker.FIXEXT2
                        : length == 4 ? Marker.FIXEXT4
                                : length == 8 ? Marker.FIXEXT8
                                        : length == 16 ? Marker.FIXEXT16
                                                : length < 256 ? Marker.EXT8
                                                        : length < 65536 ? Marker.EXT16
                                                                : Marker.EXT32;
        int size = marker >= Marker.FIXEXT1 ? 2
                : marker == Marker.EXT8 ? 3 : marker == Marker.EXT16 ? EXT16_HEAD : 6;
        if (size != head) {
            ensure(HEAD);
            Memory.move(base + start + head, base + start + size, length);
            position += size - head;
        }
        long at = base + start;
        Memory.putByte(at, (byte) marker);
        if (marker == Marker.EXT8) {
            Memory.putByte(at + 1, (byte) length);
        } else if (marker == Marker.EXT16) {
            Memory.putShort(at + 1, Short.reverseBytes((short) length));
        } else if (marker == Marker.EXT32) {
            Memory.putInt(at + 1, Integer.reverseBytes((int) length));
        }
        Memory.putByte(at + size - 1, (byte) code);
        return size;
    }
}
