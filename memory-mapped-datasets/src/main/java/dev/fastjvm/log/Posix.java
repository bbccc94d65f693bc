package dev.fastjvm.log;

import java.io.IOException;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Optional;

/** What Java's own file API lacks: space that is really there before it is mapped. */
@SuppressWarnings("restricted")
final class Posix {
    static final int ENOSPC = 28;

    private static final int O_RDONLY = 0;
    private static final int O_RDWR = 2;
    private static final int SEEK_DATA = 3;
    private static final int SEEK_HOLE = 4;
    private static final int MADV_POPULATE_WRITE = 23;
    private static final long PAGE = 4096;
    private static final Optional<Handles> HANDLES = handles();

    private record Handles(MethodHandle open, MethodHandle allocate, MethodHandle seek,
            MethodHandle close, MethodHandle advise) {}

    private static volatile long left = Long.MAX_VALUE;

    private Posix() {}

    /** For tests: has the disk seem to have no more room than this, bytes. */
    static void leave(long bytes) {
        left = bytes;
    }

    private static Optional<Handles> handles() {
        if (!System.getProperty("os.name").equals("Linux")) {
            return Optional.empty();
        }
        Linker linker = Linker.nativeLinker();
        var lookup = linker.defaultLookup();
        var number = ValueLayout.JAVA_INT;
        var wide = ValueLayout.JAVA_LONG;
        return Optional.of(new Handles(
                linker.downcallHandle(lookup.findOrThrow("open"),
                        FunctionDescriptor.of(number, ValueLayout.ADDRESS, number),
                        Linker.Option.firstVariadicArg(2)),
                linker.downcallHandle(lookup.findOrThrow("posix_fallocate"),
                        FunctionDescriptor.of(number, number, wide, wide)),
                linker.downcallHandle(lookup.findOrThrow("lseek"),
                        FunctionDescriptor.of(wide, number, wide, number)),
                linker.downcallHandle(lookup.findOrThrow("close"),
                        FunctionDescriptor.of(number, number)),
                linker.downcallHandle(lookup.findOrThrow("madvise"),
                        FunctionDescriptor.of(number, wide, wide, number))));
    }

    /**
     * Has the file system set aside the blocks of a part of a file, so that a store into its mapping cannot fail.
     *
     * @throws IOException where there is no room (posix_fallocate(3): ENOSPC, EDQUOT, EFBIG)
     */
    static void reserve(Path file, long offset, long length) throws IOException {
        if (length > left) {
            throw new NoSpaceException(file, length, ENOSPC);
        } else if (left < Long.MAX_VALUE) {
            left -= length;
        }
        if (HANDLES.isEmpty()) {
            reserveByWriting(file, offset, length);
            return;
        }
        Handles handles = HANDLES.get();
        try (var arena = java.lang.foreign.Arena.ofConfined()) {
            MemorySegment name = arena.allocateFrom(file.toString());
            int descriptor = (int) handles.open.invokeExact(name, O_RDWR);
            if (descriptor < 0) {
                throw new IOException("cannot be opened: " + file);
            }
            int error = (int) handles.allocate.invokeExact(descriptor, offset, length);
            int ignored = (int) handles.close.invokeExact(descriptor);
            if (error != 0) {
                throw new NoSpaceException(file, length, error);
            }
        } catch (IOException | RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }

    /**
     * Has the pages of a part of a mapping be there, to be stored to, all at once: that costs a third of a page fault each
     * (madvise(2): MADV_POPULATE_WRITE). Where the system cannot, the faults come.
     */
    static void populate(long address, long length) {
        if (HANDLES.isEmpty()) {
            return;
        }
        long start = address & -PAGE;
        try {
            int ignored = (int) HANDLES.get().advise.invokeExact(start, address + length - start,
                    MADV_POPULATE_WRITE);
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }

    /**
     * Returns an offset behind which a file that begins with data has nothing but a hole (lseek(2): SEEK_DATA), its size
     * where that cannot be told.
     *
     * @param from where to look from; less is never returned
     */
    static long dataEnd(Path file, long from, long size) throws IOException {
        if (HANDLES.isEmpty()) {
            return size;
        }
        Handles handles = HANDLES.get();
        try (var arena = java.lang.foreign.Arena.ofConfined()) {
            MemorySegment name = arena.allocateFrom(file.toString());
            int descriptor = (int) handles.open.invokeExact(name, O_RDONLY);
            if (descriptor < 0) {
                return size; // it was removed meanwhile
            }
            long end = from;
            // a file begins with data; where that is not said, nothing is known of holes
            if ((long) handles.seek.invokeExact(descriptor, 0L, SEEK_DATA) != 0) {
                end = size;
            }
            while (end < size) {
                long data = (long) handles.seek.invokeExact(descriptor, end, SEEK_DATA);
                if (data < 0) {
                    break; // none behind it
                }
                long hole = (long) handles.seek.invokeExact(descriptor, data, SEEK_HOLE);
                end = hole <= end ? size : hole;
            }
            int ignored = (int) handles.close.invokeExact(descriptor);
            return Math.min(end, size);
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }

    /** Where there is no such call: a page at a time is read and written back, which allocates it. */
    private static void reserveByWriting(Path file, long offset, long length) throws IOException {
        int page = 4096;
        ByteBuffer one = ByteBuffer.allocate(1);
        try (var channel = FileChannel.open(file, StandardOpenOption.READ,
                StandardOpenOption.WRITE)) {
            for (long at = offset; at < offset + length; at += page) {
                one.clear();
                boolean inside = channel.read(one, at) == 1;
                one.flip();
                if (!inside) {
                    one = ByteBuffer.allocate(1);
                }
                channel.write(one, at);
            }
        }
    }
}
