package dev.fastjvm.log;

import java.lang.foreign.MemorySegment;

/**
 * One record of a log, whole: its checksum was looked at.
 *
 * @param position where it lies, see {@link SegmentedLog#append}
 * @param kind the writer's own word, 0 to 255
 * @param payload its bytes, read-only; a view of the mapped file while the log is open, unless the record is of several
 *        parts
 */
public record LogRecord(long position, int kind, MemorySegment payload) {}
