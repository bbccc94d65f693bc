package dev.fastjvm.log;

import java.io.IOException;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.locks.ReentrantLock;

/**
 * One writer at a time in a folder, over threads and processes.
 *
 * <p>The operating system's lock ends with its process: a writer that is killed holds nobody up. It belongs to the whole
 * process, and goes when any descriptor of the file is closed: all that have the same folder open share one.
 */
public final class FolderLock implements AutoCloseable {
    /** Names of such files. Whoever opens and closes one in this process ends the lock: POSIX has it so. */
    static final Set<String> FILES = Set.of("lock", "compaction");

    private static final Map<Object, Shared> SHARED = new HashMap<>();

    private static final class Shared {
        final ReentrantLock threads = new ReentrantLock();
        final FileChannel channel;
        FileLock lock;
        int users;

        Shared(FileChannel channel) {
            this.channel = channel;
        }
    }

    private final Object key;
    private final Shared shared;
    private boolean closed;

    /** Opens the lock of a file, which is made. */
    public FolderLock(Path file) throws IOException {
        if (!FILES.contains(file.getFileName().toString())) {
            throw new IllegalArgumentException(file.toString());
        }
        synchronized (SHARED) {
            Object known = key(file);
            Shared found = SHARED.get(known);
            if (found == null) {
                found = new Shared(FileChannel.open(file,
                        Set.of(StandardOpenOption.CREATE, StandardOpenOption.WRITE,
                                LinkOption.NOFOLLOW_LINKS),
                        Private.rights(file)));
                known = key(file);
                SHARED.put(known, found);
            }
            found.users++;
            key = known;
            shared = found;
        }
    }

    /** Tells a file from all others, or null where there is none. */
    private static Object key(Path file) throws IOException {
        try {
            Object key = Files.readAttributes(file, BasicFileAttributes.class,
                    LinkOption.NOFOLLOW_LINKS).fileKey();
            return key != null ? key : file.toRealPath();
        } catch (NoSuchFileException e) {
            return null;
        }
    }

    /** Waits for the lock. */
    public void lock() throws IOException {
        shared.threads.lock();
        if (shared.threads.getHoldCount() > 1) {
            return;
        }
        try {
            shared.lock = wait(shared.channel);
        } catch (IOException | RuntimeException e) {
            shared.threads.unlock();
            throw e;
        }
    }

    private static FileLock wait(FileChannel channel) throws IOException {
        while (true) {
            try {
                return channel.lock();
            } catch (ClosedChannelException e) {
                throw new IOException("the log is closed", e);
            } catch (IOException e) {
                // the system looks for deadlocks by process: two threads with two folders look like one
                if (e.getMessage() == null || !e.getMessage().contains("deadlock")) {
                    throw e;
                }
                Thread.onSpinWait();
            }
        }
    }

    /** Takes the lock unless somebody has it. */
    boolean tryLock() throws IOException {
        if (!shared.threads.tryLock()) {
            return false;
        }
        if (shared.threads.getHoldCount() > 1) {
            return true;
        }
        FileLock got = null;
        try {
            got = shared.channel.tryLock();
        } catch (ClosedChannelException e) {
            throw new IOException("the log is closed", e);
        } finally {
            if (got == null) {
                shared.threads.unlock();
            }
        }
        if (got == null) {
            return false; // and another thread may have it by now
        }
        shared.lock = got;
        return true;
    }

    /** Lets go of it. */
    public void unlock() throws IOException {
        try {
            if (shared.threads.getHoldCount() == 1 && shared.channel.isOpen()) {
                shared.lock.release();
            }
        } finally {
            shared.threads.unlock();
        }
    }

    /** Whether this thread has the lock. */
    boolean held() {
        return shared.threads.isHeldByCurrentThread();
    }

    /** Waits for this process's writer and keeps the next ones out; see {@link #leave}. */
    void enter() {
        shared.threads.lock();
    }

    /** Lets them in again. */
    void leave() {
        shared.threads.unlock();
    }

    @Override
    public void close() throws IOException {
        synchronized (SHARED) {
            if (closed) {
                return;
            }
            closed = true;
            if (--shared.users == 0) {
                SHARED.remove(key);
                shared.channel.close();
            }
        }
    }
}
