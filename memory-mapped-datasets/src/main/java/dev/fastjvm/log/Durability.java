package dev.fastjvm.log;

/** What an append has survived once it has returned. */
public enum Durability {
    /** The end of the process, kill -9 included: the operating system has the record. */
    PROCESS,
    /** A loss of power: the disk has the record. */
    DISK
}
