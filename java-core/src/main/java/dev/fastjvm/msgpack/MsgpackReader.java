package dev.fastjvm.msgpack;

import dev.fastjvm.memory.Memory;

/** Reads msgpack heads from native memory; every read is checked against the end. */
public abstract class MsgpackReader {
    protected long position;
    protected long end;

    /** Throws where less than {@code length} bytes are left. */
    protected final void require(long length) {
        if (end - position < length) {
            throw MsgpackFormatException.END;
        }
    }

    /** Bytes left. */
    protected final long remaining() {
        return end - position;
    }

    protected final int u8() {
        require(1);
        return Memory.getByte(position++) & 0xFF;
    }

    protected final int u16() {
        require(2);
        int value = Short.reverseBytes(Memory.getShort(position)) & 0xFFFF;
        position += 2;
        return value;
    }

    protected final long u32() {
        require(4);
        long value = Integer.reverseBytes(Memory.getInt(position)) & 0xFFFFFFFFL;
        position += 4;
        return value;
    }

    protected final long i64() {
        require(8);
        long value = Long.reverseBytes(Memory.getLong(position));
        position += 8;
        return value;
    }

    /** Takes {@code length} bytes; returns the address of the first. */
    protected final long slice(long length) {
        require(length);
        long start = position;
        position += length;
        return start;
    }

    /** Length of a str whose marker was read, or -1 for another marker. */
    protected final long strLength(int marker) {
        if ((marker & 0xE0) == Marker.FIXSTR) {
            return marker & 0x1F;
        }
        return switch (marker) {
            case Marker.STR8 -> u8();
            case Marker.STR16 -> u16();
            case Marker.STR32 -> u32();
            default -> -1;
        };
    }

    /** Length of an array whose marker was read, or -1 for another marker. */
    protected final long arrayLength(int marker) {
        if ((marker & 0xF0) == Marker.FIXARRAY) {
            return marker & 0x0F;
        }
        return marker == Marker.ARRAY16 ? u16() : marker == Marker.ARRAY32 ? u32() : -1;
    }

    /** Number of pairs of a map whose marker was read, or -1 for another marker. */
    protected final long mapLength(int marker) {
        if ((marker & 0xF0) == Marker.FIXMAP) {
            return marker & 0x0F;
        }
        return marker == Marker.MAP16 ? u16() : marker == Marker.MAP32 ? u32() : -1;
    }

    /** Length of an ext's data, its code excluded, whose marker was read, or -1 for another marker. */
    protected final long extLength(int marker) {
        return switch (marker) {
            case Marker.FIXEXT1 -> 1;
            case Marker.FIXEXT2 -> 2;
            case Marker.FIXEXT4 -> 4;
            case Marker.FIXEXT8 -> 8;
            case Marker.FIXEXT16 -> 16;
            case Marker.EXT8 -> u8();
            case Marker.EXT16 -> u16();
            case Marker.EXT32 -> u32();
            default -> -1;
        };
    }
}
