package dev.fastjvm.store;

import dev.fastjvm.cpython.Gil;
import dev.fastjvm.cpython.PyLong;
import dev.fastjvm.log.Durability;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** The open logs of one kind by their handles; the GIL guards it. */
final class OpenLogs<L> {
    /** Opens a folder's log. */
    interface Opener<L> {
        L open(Path folder, Durability durability, long segmentBytes) throws IOException;
    }

    private final List<L> opened = new ArrayList<>();
    private final Opener<L> opener;

    OpenLogs(Opener<L> opener) {
        this.opener = opener;
    }

    /** Opens what the arguments name, a folder, a durability and a segment's size; returns its handle, an int of Python's. */
    long open(long args) throws IOException {
        Path folder = Path.of(new String(Arguments.bytes(args, 0), StandardCharsets.UTF_8));
        Durability durability = Durability.values()[(int) Arguments.number(args, 1)];
        long segmentBytes = Arguments.number(args, 2);
        Thread thread = Thread.currentThread();
        if (thread.getContextClassLoader() == null) {
            // a thread that was attached has none; Chronicle's compiler asks for it
            thread.setContextClassLoader(Durability.class.getClassLoader());
        }
        List<L> made = new ArrayList<>(1);
        Gil.without(() -> made.add(opener.open(folder, durability, segmentBytes)));
        opened.addAll(made);
        return PyLong.of(opened.size() - 1);
    }

    /** Returns a handle's log, null where it is closed. */
    L get(int handle) {
        return handle < 0 ? null : opened.get(handle);
    }

    /** Forgets a handle; returns its log, null where somebody else did. */
    L forget(int handle) {
        return opened.set(handle, null);
    }
}
