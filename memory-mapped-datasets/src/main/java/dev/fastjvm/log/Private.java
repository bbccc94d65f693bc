package dev.fastjvm.log;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFileAttributeView;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;

/** Folders and files that nobody but their owner may open; on Windows a folder's own rights are inherited. */
public final class Private {
    private Private() {}

    private static boolean posix(Path path) {
        return path.getFileSystem().supportedFileAttributeViews().contains("posix");
    }

    /** Makes a folder, 0700, unless it is there. */
    public static void folder(Path folder) throws IOException {
        if (Files.isDirectory(folder, LinkOption.NOFOLLOW_LINKS)) {
            return;
        }
        if (Files.exists(folder, LinkOption.NOFOLLOW_LINKS)) {
            throw new IOException("neither a folder nor free: " + folder);
        }
        Path parent = folder.toAbsolutePath().getParent();
        if (parent != null) {
            Files.createDirectories(parent);
        }
        try {
            if (posix(folder)) {
                Files.createDirectory(folder, PosixFilePermissions
                        .asFileAttribute(PosixFilePermissions.fromString("rwx------")));
            } else {
                Files.createDirectory(folder);
            }
        } catch (FileAlreadyExistsException e) {
            if (!Files.isDirectory(folder, LinkOption.NOFOLLOW_LINKS)) {
                throw e; // else another process was first
            }
        }
    }

    /**
     * Takes everybody else's rights to a folder away where nothing but such files is in it.
     *
     * @throws IOException where other things are, and others may write: they could put files in the place of ours
     */
    public static void guard(Path folder, Set<String> ours) throws IOException {
        if (!posix(folder)) {
            return;
        }
        Set<PosixFilePermission> rights = Files.getPosixFilePermissions(folder,
                LinkOption.NOFOLLOW_LINKS);
        Set<PosixFilePermission> wanted = PosixFilePermissions.fromString("rwx------");
        if (rights.equals(wanted)) {
            return;
        }
        IOException refused = null;
        if (holdsOnly(folder, ours)) {
            try {
                Files.setPosixFilePermissions(folder, wanted);
                return;
            } catch (IOException e) {
                refused = e; // another's, or read-only
            }
        }
        if (rights.contains(PosixFilePermission.GROUP_WRITE)
                || rights.contains(PosixFilePermission.OTHERS_WRITE)) {
            throw new IOException(
                    "others may write into this folder; name one in it that may be made: " + folder,
                    refused);
        }
    }

    private static boolean holdsOnly(Path folder, Set<String> names) throws IOException {
        try (DirectoryStream<Path> all = Files.newDirectoryStream(folder)) {
            for (Path each : all) {
                if (!names.contains(each.getFileName().toString())) {
                    return false;
                }
            }
        }
        return true;
    }

    /** Makes a file, 0600. */
    static void create(Path file) throws IOException {
        Files.createFile(file, rights(file));
    }

    /** What a file is made with. */
    public static FileAttribute<?>[] rights(Path file) {
        return posix(file) ? new FileAttribute<?>[] {PosixFilePermissions
                .asFileAttribute(PosixFilePermissions.fromString("rw-------"))}
                : new FileAttribute<?>[0];
    }

    /** Takes everybody else's rights to a file away; refuses a symbolic link. */
    public static void file(Path file) throws IOException {
        if (Files.isSymbolicLink(file)) {
            throw new IOException("a symbolic link: " + file);
        }
        if (posix(file)) {
            try {
                Files.getFileAttributeView(file, PosixFileAttributeView.class,
                        LinkOption.NOFOLLOW_LINKS)
                        .setPermissions(PosixFilePermissions.fromString("rw-------"));
            } catch (NoSuchFileException e) {
                return; // it is not made yet
            } catch (UnsupportedOperationException e) {
                Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
            }
        }
    }

    /**
     * The same for all files of a folder but its locks, see {@link FolderLock}: they would be opened and closed, and what
     * this process holds of them would end.
     */
    static void files(Path folder) throws IOException {
        try (DirectoryStream<Path> all = Files.newDirectoryStream(folder)) {
            for (Path each : all) {
                if (!Files.isDirectory(each, LinkOption.NOFOLLOW_LINKS)
                        && !FolderLock.FILES.contains(each.getFileName().toString())) {
                    file(each);
                }
            }
        }
    }
}
