package dev.fastjvm.log;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.lang.foreign.ValueLayout;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.LocalDate;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import net.openhft.chronicle.bytes.Bytes;
import net.openhft.chronicle.core.io.Closeable;
import net.openhft.chronicle.core.values.LongValue;
import net.openhft.chronicle.queue.ExcerptAppender;
import net.openhft.chronicle.queue.impl.single.SingleChronicleQueue;
import net.openhft.chronicle.queue.impl.single.SingleChronicleQueueBuilder;
import net.openhft.chronicle.queue.rollcycles.LargeRollCycles;
import net.openhft.chronicle.wire.DocumentContext;

/**
 * An append-only log of records in a folder, shared by threads and processes, on Chronicle Queue's memory-mapped files.
 *
 * <p>Representation: a queue whose cycles are numbered segments, not days, so that no clock rolls it; writing is
 * Chronicle's, under a lock of the operating system's that ends with its process; reading is by offset in files mapped a
 * second time, see {@link SegmentFile}. Space is set aside before it is stored to, so a full disk is an exception and never
 * a torn record.
 */
public final class SegmentedLog implements AutoCloseable {
    /** What a folder's file "format" says. */
    static final String FORMAT = "fast-jvm log 1\n";

    private static final long BLOCK = 64L << 20;
    /** A record larger than this is stored in parts, in bytes. */
    static final int LARGEST_PART = 8 << 20;
    /** Set aside behind the last record, bytes: Chronicle's next header and index lie there. */
    private static final long SLACK = 64L << 10;
    /** Set aside at once at most, bytes. */
    private static final long MOST_AHEAD = 8L << 20;
    private static final int OFFSET_BITS = 40;
    /** {@link #last} while a record is written: higher than all. */
    static final long WRITING = Long.MAX_VALUE;
    private static final long UNLOCKED = Long.MIN_VALUE;
    private static final DateTimeFormatter NAME = DateTimeFormatter.ofPattern("yyyyMMdd'L.cq4'");
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED;
    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;

    static {
        // a thread of Chronicle's own that looks at the disk's space: reserve does
        System.setProperty("chronicle.disk.monitor.disable", "true");
        System.setProperty("chronicle.analytics.disable", "true");
    }

    private final Path folder;
    private final Durability durability;
    private final long segmentBytes;
    private final FolderLock lock;
    private final SingleChronicleQueue queue;
    private ExcerptAppender appender;
    private final LongValue queueLock;
    /** The segment that is written, shared by all processes. */
    private final LongValue current;
    private final LongValue last;
    /** How many segments were removed, by all processes. */
    private final LongValue removals;
    private final Map<Integer, SegmentFile> files = new ConcurrentHashMap<>();
    private int reservedIn = -1;
    private long reservedUpTo;
    private FileChannel forced;
    private int forcedOf = -1;
    private volatile boolean closed;
    private volatile long released;

    private SegmentedLog(Path folder, Durability durability, long segmentBytes, FolderLock lock)
            throws IOException {
        this.folder = folder;
        this.durability = durability;
        this.segmentBytes = segmentBytes;
        this.lock = lock;
        queue = opened();
        queueLock = queue.metaStore().acquireValueFor("chronicle.write.lock", UNLOCKED);
        current = queue.metaStore().acquireValueFor("fast-jvm.segment", 1);
        last = queue.metaStore().acquireValueFor("fast-jvm.last", -1);
        removals = queue.metaStore().acquireValueFor("fast-jvm.removals", 0);
        released = removals.getVolatileValue();
        try {
            Private.files(folder);
            Private.files(folder.resolve("log"));
        } catch (IOException e) {
            queue.close();
            throw e;
        }
        appender = appender();
    }

    private ExcerptAppender appender() {
        ExcerptAppender made = queue.createAppender();
        made.singleThreadedCheckDisabled(true); // the folder's lock is the check
        return made;
    }

    private SingleChronicleQueue opened() {
        return SingleChronicleQueueBuilder.binary(folder.resolve("log"))
                .rollCycle(LargeRollCycles.LARGE_DAILY).indexCount(1024).indexSpacing(64)
                .blockSize(BLOCK).timeoutMS(100).timeProvider(this::clock).build();
    }

    /**
     * Opens a folder's log, and makes it where there is none.
     *
     * <p>Folders are made for the user alone, 0700, files 0600; a symbolic link in the place of either is refused.
     *
     * @param segmentBytes size at which the next segment is begun, bytes
     * @throws IOException where the folder cannot be written, or is of another format
     */
    public static SegmentedLog open(Path folder, Durability durability, long segmentBytes)
            throws IOException {
        Private.folder(folder);
        Private.folder(folder.resolve("log"));
        Path format = folder.resolve("format");
        if (!Files.exists(format, LinkOption.NOFOLLOW_LINKS)) {
            Path fresh = Files.createTempFile(folder, "format", ".part");
            Files.writeString(fresh, FORMAT);
            Files.move(fresh, format, java.nio.file.StandardCopyOption.ATOMIC_MOVE);
        }
        String said = Files.readString(format, StandardCharsets.UTF_8);
        if (!said.equals(FORMAT)) {
            throw new IOException("%s holds \"%s\", this version reads \"%s\"".formatted(folder,
                    said.strip(), FORMAT.strip()));
        }
        FolderLock lock = new FolderLock(folder.resolve("lock"));
        SegmentedLog opened = null;
        try {
            lock.lock(); // one process at a time makes the queue's files
            try {
                opened = new SegmentedLog(folder, durability, segmentBytes, lock);
            } finally {
                lock.unlock();
            }
            return opened;
        } finally {
            if (opened == null) {
                lock.close();
            }
        }
    }

    private long clock() {
        // a segment is a day of 1970 and after: Chronicle names files so; it asks while it opens, too
        return current == null ? 0 : current.getVolatileValue() * 86_400_000L;
    }

    /** The segment of a position. */
    static int segment(long position) {
        return (int) (position >>> OFFSET_BITS);
    }

    /** The offset of a position in its segment's file, bytes. */
    static long offset(long position) {
        return position & (1L << OFFSET_BITS) - 1;
    }

    private static long position(int segment, long offset) {
        return (long) segment << OFFSET_BITS | offset;
    }

    private Path file(int segment) {
        return folder.resolve("log").resolve(NAME.format(LocalDate.ofEpochDay(segment)));
    }

    /** Takes the right to write, over all processes; appends of one batch stay together. */
    public void lock() throws IOException {
        lock.lock();
        usable();
    }

    /** Takes the right to write where that needs no waiting; whether it has it. */
    public boolean tryLock() throws IOException {
        if (!lock.tryLock()) {
            return false;
        }
        usable();
        return true;
    }

    /** What an append survives. */
    public Durability durability() {
        return durability;
    }

    /** Gives the right to write back. */
    public void unlock() throws IOException {
        lock.unlock();
    }

    /** For tests: leaves Chronicle's lock as a process would that ended while it held it. */
    void holdQueueLock(int process) {
        queueLock.setVolatileValue(process);
    }

    private void usable() throws IOException {
        try {
            if (closed) {
                throw new IOException("the log is closed");
            }
            mend();
        } catch (IOException | RuntimeException e) {
            lock.unlock();
            throw e;
        }
    }

    /** Frees Chronicle's lock and begins a new segment: what a dead writer left half done is behind. */
    private void mend() {
        // whoever holds Chronicle's lock has not the folder's: it is dead
        if (queueLock.getVolatileValue() != UNLOCKED) {
            queueLock.setVolatileValue(UNLOCKED);
            current.addAtomicValue(1);
        }
    }

    /**
     * Appends a record; on return it has survived what {@link Durability} says.
     *
     * @param kind 0 to 255
     * @param payload its bytes, piece by piece
     * @return its position, which stays the same for as long as the record lives; later records' are higher
     * @throws NoSpaceException where the disk is full; nothing is written then
     */
    public long append(int kind, MemorySegment... payload) throws IOException {
        return append(kind, durability == Durability.DISK, payload);
    }

    /** The same; it is on the disk only once {@link #forceFrom} was called. */
    long appendUnforced(int kind, MemorySegment... payload) throws IOException {
        return append(kind, false, payload);
    }

    /**
     * The same; a record that is not of several parts lies so that its payload begins at a multiple of eight bytes of its
     * segment's file.
     */
    public long appendAligned(int kind, MemorySegment... payload) throws IOException {
        return append(kind, SegmentFile.ALIGNED, durability == Durability.DISK, payload);
    }

    private long append(int kind, boolean forced, MemorySegment[] payload) throws IOException {
        return append(kind, 0, forced, payload);
    }

    private long append(int kind, int flags, boolean forced, MemorySegment[] payload)
            throws IOException {
        lock();
        try {
            long before = last.getVolatileValue();
            long position = before;
            last.setVolatileValue(WRITING);
            try {
                position = size(payload) <= LARGEST_PART ? write(kind, flags, payload)
                        : writeParts(kind, payload, forced);
            } finally {
                last.setVolatileValue(position);
            }
            if (forced) {
                force(segment(position));
            }
            return position;
        } finally {
            unlock();
        }
    }

    private static long size(MemorySegment[] pieces) {
        long size = 0;
        for (MemorySegment piece : pieces) {
            size += piece.byteSize();
        }
        return size;
    }

    /**
     * The position of the last record that any process appended, -1 where none has, {@link #WRITING} where one was killed
     * while it wrote.
     */
    public long last() {
        return last.getVolatileValue();
    }

    private long writeParts(int kind, MemorySegment[] pieces, boolean forced)
            throws IOException {
        long size = size(pieces);
        int parts = (int) ((size + LARGEST_PART - 1) / LARGEST_PART);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment payload = arena.allocate(size);
            copy(pieces, payload, 0);
            MemorySegment list = arena.allocate(8L * parts + 8);
            list.set(LONG, 0, size);
            for (int i = 0; i < parts; i++) {
                long from = (long) i * LARGEST_PART;
                MemorySegment part = payload.asSlice(from, Math.min(LARGEST_PART, size - from));
                long position = write(kind, SegmentFile.PART, part);
                list.set(LONG, 8L * i + 8, position);
                if (forced && i < parts - 1) {
                    force(segment(position));
                }
            }
            return write(kind, SegmentFile.PARTED, list);
        }
    }

    private static void copy(MemorySegment[] pieces, MemorySegment to, long offset) {
        long at = offset;
        for (MemorySegment piece : pieces) {
            MemorySegment.copy(piece, 0, to, at, piece.byteSize());
            at += piece.byteSize();
        }
    }

    private long write(int kind, int flags, MemorySegment... payload) throws IOException {
        boolean aligned = (flags & SegmentFile.ALIGNED) != 0;
        long size = SegmentFile.HEAD + size(payload) + (aligned ? SegmentFile.ALIGNMENT : 0);
        int segment = (int) current.getVolatileValue();
        if (reservedIn == segment && reservedUpTo > segmentBytes) {
            segment = (int) current.addAtomicValue(1);
        }
        if (reservedIn != segment) {
            // the file's own head is written before there is a file to set space aside in
            long free = Files.getFileStore(folder).getUsableSpace();
            if (free < size + 4 * SLACK) {
                throw new NoSpaceException(file(segment), size + 4 * SLACK, Posix.ENOSPC);
            }
        }
        try (DocumentContext context = appender.writingDocument()) {
            boolean written = false;
            try {
                Bytes<?> bytes = context.wire().bytes();
                long offset = bytes.writePosition();
                int padding = aligned ? SegmentFile.padding(offset + SegmentFile.HEAD) : 0;
                size = SegmentFile.HEAD + padding + size(payload);
                reserve(segment, offset, size);
                bytes.ensureCapacity(offset + size);
                long address = bytes.addressForWrite(offset);
                if (size >= SLACK) {
                    Posix.populate(address, size);
                }
                MemorySegment content = at(address, size);
                content.set(SHORT, 4, SegmentFile.MAGIC);
                content.set(ValueLayout.JAVA_BYTE, 6, (byte) kind);
                content.set(ValueLayout.JAVA_BYTE, 7, (byte) flags);
                if (aligned) {
                    content.set(ValueLayout.JAVA_BYTE, SegmentFile.HEAD, (byte) padding);
                }
                copy(payload, content, SegmentFile.HEAD + padding);
                content.set(INT, 0, SegmentFile.checksum(content));
                bytes.writeSkip(size);
                written = true;
                return position(segment, offset);
            } finally {
                if (!written) {
                    context.rollbackOnClose();
                }
            }
        }
    }

    @SuppressWarnings("restricted")
    private static MemorySegment at(long address, long size) {
        return MemorySegment.ofAddress(address).reinterpret(size);
    }

    private void reserve(int segment, long offset, long size) throws IOException {
        if (reservedIn != segment) {
            Private.file(file(segment));
            reservedIn = segment;
            reservedUpTo = 0;
        }
        long end = offset + size + SLACK;
        if (end > reservedUpTo) {
            // an eighth of what is there: a small folder stays small, a large one seldom asks
            long more = Math.clamp(offset / 8, SLACK, MOST_AHEAD);
            Posix.reserve(file(segment), reservedUpTo, end + more - reservedUpTo);
            reservedUpTo = end + more;
        }
    }

    /** Has the disk take what was appended; a no-op where each append did so. */
    public void force() throws IOException {
        lock();
        try {
            force((int) current.getVolatileValue());
        } finally {
            unlock();
        }
    }

    /** Has the disk take all segments from one on; needs the lock. */
    void forceFrom(int first) throws IOException {
        int current = current();
        for (int segment = first; segment <= current; segment++) {
            force(segment);
        }
    }

    private void force(int segment) throws IOException {
        if (forcedOf != segment) {
            Path file = file(segment);
            if (!Files.exists(file)) {
                return;
            }
            if (forced != null) {
                forced.force(true);
                forced.close();
            }
            forced = FileChannel.open(file, StandardOpenOption.WRITE);
            forcedOf = segment;
            try (FileChannel parent = FileChannel.open(file.getParent(), StandardOpenOption.READ)) {
                parent.force(true);
            }
        }
        forced.force(false);
    }

    /** Returns a segment's file, or null where it has not begun. */
    private SegmentFile opened(int segment) throws IOException {
        SegmentFile found = files.get(segment);
        if (found != null) {
            return found;
        }
        synchronized (files) {
            found = files.get(segment);
            if (found == null) {
                if (closed) {
                    throw new IOException("the log is closed");
                }
                found = new SegmentFile(file(segment));
                if (!found.begun()) {
                    found.close();
                    return null;
                }
                files.put(segment, found);
            }
            return found;
        }
    }

    /**
     * Reads the record at a position.
     *
     * @throws CorruptRecordException where none lies that is whole
     */
    public LogRecord read(long position) throws IOException {
        return read(position, Arena.ofAuto());
    }

    /** The same; a record of several parts is put together in {@code memory}. */
    LogRecord read(long position, SegmentAllocator memory) throws IOException {
        MemorySegment content;
        try {
            SegmentFile file = opened(segment(position));
            content = file == null ? null : file.read(offset(position));
        } catch (java.nio.file.NoSuchFileException e) {
            throw new CorruptRecordException(position, "its segment is not there");
        }
        if (content == null) {
            throw new CorruptRecordException(position, "no whole record");
        }
        MemorySegment payload = SegmentFile.payload(content);
        if ((SegmentFile.flags(content) & SegmentFile.PARTED) != 0) {
            payload = joined(position, payload, memory);
        }
        return new LogRecord(position, SegmentFile.kind(content), payload);
    }

    private MemorySegment joined(long position, MemorySegment list, SegmentAllocator memory)
            throws IOException {
        long size = list.get(LONG, 0);
        MemorySegment all = memory.allocate(size);
        long filled = 0;
        for (long at = 8; at < list.byteSize(); at += 8) {
            MemorySegment part = read(list.get(LONG, at), memory).payload();
            if (filled + part.byteSize() > size) {
                throw new CorruptRecordException(position, "its parts are longer than it");
            }
            MemorySegment.copy(part, 0, all, filled, part.byteSize());
            filled += part.byteSize();
        }
        if (filled != size) {
            throw new CorruptRecordException(position, "its parts are shorter than it");
        }
        return all.asReadOnly();
    }

    /** What {@link #scan} calls. */
    public interface Visitor {
        /** A whole record; parts of larger ones are not told. */
        void record(LogRecord record) throws IOException;

        /** Bytes that were written and are no record any more: torn by a crash, or damaged since. */
        void damage(long position, long bytes) throws IOException;

        /** Whether it goes on behind what was told. */
        default boolean more() {
            return true;
        }

        /** A part of a larger record. */
        default void part(long position) {
            // most visitors are told the record alone
        }

        /** Where the parts of the record lie that is told next. */
        default void parts(long position, long[] parts) {
            // most visitors are told the record alone
        }
    }

    /**
     * Visits all records behind a position, in their order.
     *
     * @param after position of a record, or -1 for all
     */
    public void scan(long after, Visitor visitor) throws IOException {
        int first = after < 0 ? 0 : segment(after);
        for (int segment : segments().tailSet(first)) {
            long from = after >= 0 && segment == first ? offset(after) - 4 : 0;
            scan(segment, from, after, visitor);
        }
    }

    /**
     * Visits what one segment holds.
     *
     * @param from 0, or what an earlier call returned
     * @return where to go on if the visitor wanted no more
     */
    long scan(int segment, long from, Visitor visitor) throws IOException {
        return scan(segment, from, -1, visitor);
    }

    private long scan(int segment, long from, long after, Visitor visitor) throws IOException {
        SegmentFile file;
        try {
            file = opened(segment);
        } catch (java.nio.file.NoSuchFileException e) {
            throw new CorruptRecordException(position(segment, 0), "its segment is not there");
        }
        if (file == null) {
            return from;
        }
        return file.walk(from, new SegmentFile.Visitor() {
            @Override
            public void record(long offset, int kind, int flags, MemorySegment payload)
                    throws IOException {
                long position = position(segment, offset);
                if (position <= after) {
                    return;
                }
                if ((flags & SegmentFile.PART) != 0) {
                    visitor.part(position);
                } else if ((flags & SegmentFile.PARTED) == 0) {
                    visitor.record(new LogRecord(position, kind, payload));
                } else {
                    parted(position, payload);
                }
            }

            private void parted(long position, MemorySegment list) throws IOException {
                visitor.parts(position, list.asSlice(8).toArray(LONG));
                try (Arena memory = Arena.ofConfined()) {
                    LogRecord whole;
                    try {
                        whole = read(position, memory);
                    } catch (CorruptRecordException e) {
                        visitor.damage(position, list.byteSize());
                        return;
                    }
                    visitor.record(whole);
                }
            }

            @Override
            public void damage(long offset, long bytes) throws IOException {
                visitor.damage(position(segment, offset), bytes);
            }

            @Override
            public boolean more() {
                return visitor.more();
            }
        });
    }

    /** The segments that are there, the oldest first. */
    TreeSet<Integer> present() throws IOException {
        return segments();
    }

    /** The segment that the next record goes to; needs the lock. */
    int current() {
        return (int) current.getVolatileValue();
    }

    /** Has the next record begin a new segment; needs the lock. */
    void roll() {
        current.addAtomicValue(1);
    }

    /** Whether a segment has a file. */
    boolean has(int segment) {
        return Files.exists(file(segment), LinkOption.NOFOLLOW_LINKS);
    }

    /** How many bytes the record at a position takes; 0 where none lies. */
    long size(long position) throws IOException {
        try {
            SegmentFile file = opened(segment(position));
            return file == null ? 0 : file.size(offset(position));
        } catch (java.nio.file.NoSuchFileException e) {
            return 0;
        }
    }

    /** The folder of the log. */
    Path folder() {
        return folder;
    }

    /** Whether this thread has the right to write. */
    boolean locked() {
        return lock.held();
    }

    /**
     * Removes a segment's file; needs the lock, and a segment with a higher number that is there. Whoever has it mapped reads
     * on in it until {@link #release}.
     */
    void remove(int segment) throws IOException {
        removals.addAtomicValue(1); // first: whoever does not find the file any more looks here
        if (forcedOf == segment) {
            forced.close();
            forced = null;
            forcedOf = -1;
        }
        Files.deleteIfExists(file(segment));
        queue.refreshDirectoryListing();
    }

    /** How many segments were removed so far: a reader that meets a gap looks whether it has grown. */
    long removals() {
        return removals.getVolatileValue();
    }

    /** Whether removed segments may be mapped here, see {@link #release}. */
    public boolean stale() {
        return removals.getVolatileValue() != released;
    }

    /** Gives removed segments back to the system; needs the lock. Views of their records end. */
    public void release() throws IOException {
        synchronized (files) {
            long now = removals.getVolatileValue();
            for (var each : List.copyOf(files.entrySet())) {
                if (!has(each.getKey())) {
                    files.remove(each.getKey());
                    each.getValue().close();
                }
            }
            if (forcedOf >= 0 && !has(forcedOf)) {
                forced.close();
                forced = null;
                forcedOf = -1;
            }
            if (!has(appender.cycle())) {
                appender.close();
                appender = appender();
            }
            released = now;
        }
    }

    /** Removes the files that the queue put aside, since their writer was killed before they began; needs the lock. */
    void sweep() throws IOException {
        try (DirectoryStream<Path> all = Files.newDirectoryStream(folder.resolve("log"),
                "*.discard")) {
            for (Path each : all) {
                Files.deleteIfExists(each);
            }
        }
    }

    private TreeSet<Integer> segments() throws IOException {
        TreeSet<Integer> found = new TreeSet<>();
        try (DirectoryStream<Path> all = Files.newDirectoryStream(folder.resolve("log"),
                "*L.cq4")) {
            for (Path each : all) {
                found.add((int) LocalDate.parse(each.getFileName().toString(), NAME).toEpochDay());
            }
        }
        return found;
    }

    /** Closes the mapped files; views of records end with them. */
    @Override
    public void close() throws IOException {
        enter();
        try {
            end();
            lock.close();
        } finally {
            leave();
        }
    }

    /** Waits for this process's writer and keeps the next ones out, so that the log can be closed; see {@link #leave}. */
    void enter() {
        lock.enter();
    }

    /** Lets them in again. */
    void leave() {
        lock.leave();
    }

    private void end() throws IOException {
        synchronized (files) {
            if (closed) {
                return;
            }
            closed = true;
            for (SegmentFile each : files.values()) {
                each.close();
            }
            files.clear();
        }
        if (forced != null) {
            forced.close();
        }
        appender.close();
        queue.close();
        Closeable.closeQuietly(queueLock, current, last, removals); // they keep the queue's table mapped
    }
}
