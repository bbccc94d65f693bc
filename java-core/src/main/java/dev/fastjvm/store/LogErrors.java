package dev.fastjvm.store;

import dev.fastjvm.cpython.PyUnicode;
import dev.fastjvm.log.NoSpaceException;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;

/** Errors of logs as Python takes them: a str, "errno text". */
final class LogErrors {
    private static final int ENOENT = 2;
    private static final int EIO = 5;
    private static final int EACCES = 13;
    private static final int EEXIST = 17;
    private static final int ENOTDIR = 20;
    private static final int EFBIG = 27;
    private static final int ENOSPC = 28;
    private static final int EROFS = 30;

    private LogErrors() {}

    /** Makes the str; an InternalError is what a page of a mapped file that cannot be had becomes. */
    static long text(Throwable e) {
        if (e instanceof NoSpaceException full) {
            return error(full.errno(), e);
        }
        if (e instanceof IOException io) {
            return error(errno(io), e);
        }
        Throwable cause = e;
        while (cause.getCause() != null) {
            cause = cause.getCause();
        }
        return cause instanceof IOException io ? error(errno(io), io) : error(EIO, e);
    }

    private static int errno(IOException e) {
        String text = String.valueOf(e.getMessage());
        if (e instanceof AccessDeniedException) {
            return EACCES;
        }
        if (text.endsWith("Read-only file system")) {
            return EROFS;
        }
        if (text.endsWith("No space left on device")) {
            return ENOSPC;
        }
        if (text.endsWith("File too large")) {
            return EFBIG;
        }
        if (e instanceof NotDirectoryException || text.endsWith("Not a directory")) {
            return ENOTDIR;
        }
        if (e instanceof FileAlreadyExistsException) {
            return EEXIST;
        }
        return e instanceof NoSuchFileException ? ENOENT : EIO;
    }

    private static long error(int errno, Throwable thrown) {
        String text = thrown.getMessage() == null ? thrown.toString() : thrown.getMessage();
        if (thrown instanceof FileSystemException named && named.getReason() == null) {
            // its text is the file's name alone
            text = "%s: %s".formatted(named.getClass().getSimpleName().replace("Exception", ""),
                    text);
        } else if (!(thrown instanceof IOException)) {
            text = thrown.toString();
        }
        return PyUnicode.of(errno + " " + text);
    }
}
