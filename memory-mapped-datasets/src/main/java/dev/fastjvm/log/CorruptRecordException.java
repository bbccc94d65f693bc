package dev.fastjvm.log;

import java.io.IOException;
import java.io.Serial;

/** There is no whole record where one was asked for. */
public final class CorruptRecordException extends IOException {
    @Serial
    private static final long serialVersionUID = 1;

    CorruptRecordException(long position, String what) {
        super("segment %d, offset %d: %s".formatted(SegmentedLog.segment(position),
                SegmentedLog.offset(position), what));
    }
}
