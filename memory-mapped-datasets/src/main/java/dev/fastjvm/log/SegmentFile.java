package dev.fastjvm.log;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.zip.CRC32C;
import net.openhft.chronicle.wire.Wires;

/**
 * One file of a Chronicle queue, mapped to be read by offset.
 *
 * <p>A document is a 4-byte header, see {@link Wires}, and its content; documents start at multiples of four. A record is a
 * data document whose content begins with {@link #HEAD} bytes: CRC-32C of all that follows it, {@link #MAGIC}, the kind,
 * flags.
 */
final class SegmentFile implements AutoCloseable {
    static final int HEAD = 8;
    static final short MAGIC = 0x4A4C;
    /** The content is a list of positions, of parts that make up the record. */
    static final int PARTED = 1;
    /** The content is a part of a record. */
    static final int PART = 2;
    /** The payload begins at a multiple of {@link #ALIGNMENT} of the file; the byte behind the head says how far off. */
    static final int ALIGNED = 4;
    static final int ALIGNMENT = 8;

    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;
    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;

    private final Path file;
    private final FileChannel channel;
    private final Arena arena = Arena.ofShared();
    private volatile MemorySegment mapped = MemorySegment.NULL;

    SegmentFile(Path file) throws IOException {
        this.file = file;
        channel = FileChannel.open(file, StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS);
    }

    /** What {@link #walk} calls for each record, and for each stretch of bytes that is none. */
    interface Visitor {
        /** A whole record; its content begins at {@code offset}. */
        void record(long offset, int kind, int flags, MemorySegment payload) throws IOException;

        /** Bytes that were written and are no record. */
        void damage(long offset, long bytes) throws IOException;

        /** Whether it goes on behind what was told. */
        default boolean more() {
            return true;
        }
    }

    /** Whether the queue's own header is whole; where its writer was killed the queue puts another file in its place. */
    boolean begun() throws IOException {
        ByteBuffer header = ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN);
        return channel.read(header, 0) == 4 && Wires.isReadyMetaData(header.getInt(0));
    }

    /** Maps what the file has grown by. */
    private synchronized MemorySegment remap() throws IOException {
        long size = channel.size();
        if (mapped.byteSize() < size) {
            mapped = channel.map(FileChannel.MapMode.READ_ONLY, 0, size, arena);
        }
        return mapped;
    }

    /** Returns the content of the record that begins at {@code offset}, head included, or null. */
    private static MemorySegment content(MemorySegment all, long offset) {
        if (offset < 4 || offset + HEAD > all.byteSize()) {
            return null;
        }
        int header = all.get(INT, offset - 4);
        long length = Wires.lengthOf(header);
        if (!Wires.isReadyData(header) || length < HEAD || offset + length > all.byteSize()
                || all.get(SHORT, offset + 4) != MAGIC) {
            return null;
        }
        MemorySegment content = all.asSlice(offset, length);
        return checksum(content) == content.get(INT, 0) ? content : null;
    }

    /** The checksum of a record's content: of all but its first four bytes. */
    static int checksum(MemorySegment content) {
        CRC32C crc = new CRC32C();
        crc.update(content.asSlice(4).asByteBuffer());
        return (int) crc.getValue();
    }

    /** Reads one record; null where none lies that is whole. */
    MemorySegment read(long offset) throws IOException {
        MemorySegment content = content(mapped, offset);
        return content != null ? content : content(remap(), offset);
    }

    /** Returns how many bytes a record takes, by its header alone, its parts included; 0 where none begins there. */
    long size(long offset) throws IOException {
        long end = offset + HEAD + 8;
        MemorySegment all = mapped.byteSize() < end ? remap() : mapped;
        if (offset < 4 || all.byteSize() < end) {
            return 0;
        }
        int header = all.get(INT, offset - 4);
        if (!Wires.isReadyData(header) || all.get(SHORT, offset + 4) != MAGIC) {
            return 0;
        }
        boolean parted = (all.get(ValueLayout.JAVA_BYTE, offset + 7) & PARTED) != 0;
        return Wires.lengthOf(header)
                + (parted ? all.get(ValueLayout.JAVA_LONG_UNALIGNED, offset + HEAD) : 0);
    }

    /** How many bytes lie between the head and the payload of an aligned record at {@code offset}. */
    static int padding(long offset) {
        return ALIGNMENT - (int) (offset % ALIGNMENT);
    }

    /** A record's bytes without its head and what aligns it. */
    static MemorySegment payload(MemorySegment content) {
        boolean aligned = (flags(content) & ALIGNED) != 0;
        return content.asSlice(HEAD + (aligned ? content.get(ValueLayout.JAVA_BYTE, HEAD) : 0));
    }

    static int kind(MemorySegment content) {
        return content.get(ValueLayout.JAVA_BYTE, 6) & 0xFF;
    }

    static int flags(MemorySegment content) {
        return content.get(ValueLayout.JAVA_BYTE, 7);
    }

    /**
     * Visits all documents from a document's header on.
     *
     * @param from offset of a header; 0 is the file's first
     * @return offset of the header where the next document will be
     */
    long walk(long from, Visitor visitor) throws IOException {
        MemorySegment all = remap();
        long at = from;
        while (at + 4 <= all.byteSize() && visitor.more()) {
            int header = all.get(INT, at);
            if (Wires.isReadyData(header) && content(all, at + 4) instanceof MemorySegment found) {
                visitor.record(at + 4, kind(found), flags(found), payload(found));
            } else if (!isChronicles(all, at, header)) {
                long next = nextRecord(all, at);
                if (next < 0) {
                    long lost = lastByte(at) - at;
                    if (lost > 0 && !Wires.isEndOfFile(header)) {
                        visitor.damage(at, lost);
                    }
                    return at;
                }
                visitor.damage(at, next - at);
                at = next;
                continue;
            }
            at = aligned(at + 4 + Wires.lengthOf(header));
        }
        return at;
    }

    /** Whether a document is one of the queue's own, which carry its header and index. */
    private static boolean isChronicles(MemorySegment all, long at, int header) {
        return Wires.isReadyMetaData(header) && !Wires.isEndOfFile(header)
                && at + 4 + Wires.lengthOf(header) <= all.byteSize()
                && all.get(SHORT, at + 8) != MAGIC;
    }

    private static long aligned(long offset) {
        return (offset + 3) & ~3L;
    }

    /** Returns the header's offset of the first whole record behind damage, or -1. */
    private long nextRecord(MemorySegment all, long from) throws IOException {
        long end = Math.min(lastByte(from), all.byteSize());
        for (long at = from + 4; at + 4 + HEAD <= end; at += 4) {
            if (all.get(SHORT, at + 8) == MAGIC && content(all, at + 4) != null) {
                return at;
            }
        }
        return -1;
    }

    /**
     * Returns the offset behind the last byte that is not 0. It is read, not looked up in the mapping: on some file systems
     * a page of a hole that is mapped takes room. The hole that a queue's file ends with is not read at all.
     */
    private long lastByte(long from) throws IOException {
        ByteBuffer some = ByteBuffer.allocate(1 << 16);
        long end = Posix.dataEnd(file, from, channel.size());
        while (end > from) {
            long at = Math.max(from, end - some.capacity());
            some.clear().limit((int) (end - at));
            while (some.hasRemaining() && channel.read(some, at + some.position()) > 0) {
                // until all are there
            }
            for (int i = some.position() - 1; i >= 0; i--) {
                if (some.get(i) != 0) {
                    return at + i + 1;
                }
            }
            end = at;
        }
        return from;
    }

    @Override
    public void close() throws IOException {
        arena.close();
        channel.close();
    }
}
