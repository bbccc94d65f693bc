package dev.fastjvm.log;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.concurrent.locks.ReentrantLock;

/**
 * One writer at a time in a folder, over threads and processes.
 *
 * <p>The operating system's lock ends with its process: a writer that is killed holds nobody up.
 */
final class FolderLock implements AutoCloseable {
    private final ReentrantLock threads = new ReentrantLock();
    private final FileChannel channel;
    private FileLock lock;

    FolderLock(Path file) throws IOException {
        channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE,
                LinkOption.NOFOLLOW_LINKS);
    }

    void lock() throws IOException {
        threads.lock();
        if (threads.getHoldCount() > 1) {
            return;
        }
        try {
            lock = channel.lock();
        } catch (IOException | RuntimeException e) {
            threads.unlock();
            throw e;
        }
    }

    /** Takes the lock unless somebody has it. */
    boolean tryLock() throws IOException {
        if (!threads.tryLock()) {
            return false;
        }
        if (threads.getHoldCount() > 1) {
            return true;
        }
        try {
            lock = channel.tryLock();
        } catch (IOException | RuntimeException e) {
            threads.unlock();
            throw e;
        }
        if (lock == null) {
            threads.unlock();
        }
        return lock != null;
    }

    void unlock() throws IOException {
        if (threads.getHoldCount() > 1) {
            threads.unlock();
            return;
        }
        try {
            lock.release();
        } finally {
            threads.unlock();
        }
    }

    /** Whether the calling thread holds the lock. */
    boolean held() {
        return threads.isHeldByCurrentThread();
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
