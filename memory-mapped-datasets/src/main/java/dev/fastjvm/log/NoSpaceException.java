package dev.fastjvm.log;

import java.io.IOException;
import java.io.Serial;
import java.nio.file.Path;

/** The file system has no room for a record; nothing of it was written. */
public final class NoSpaceException extends IOException {
    @Serial
    private static final long serialVersionUID = 1;

    private final int errno;

    NoSpaceException(Path file, long bytes, int errno) {
        super("no room for %,d bytes in %s (errno %d)".formatted(bytes, file, errno));
        this.errno = errno;
    }

    /** The operating system's error number, errno(3). */
    public int errno() {
        return errno;
    }
}
