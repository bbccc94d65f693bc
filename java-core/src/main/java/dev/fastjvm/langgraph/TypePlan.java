package dev.fastjvm.langgraph;

import dev.fastjvm.cpython.PyType;
import java.nio.charset.StandardCharsets;

/**
 * What Java knows of one Python class: how {@code _msgpack_default} and ormsgpack write its instances.
 *
 * <p>A plan holds for a class as it was when Python described it: {@code tp_version_tag} changes with the class or a base of
 * it, and renaming a class, which leaves the tag, changes the name's address.
 */
abstract class TypePlan {
    /** ormsgpack ext codes of {@code jsonplus}. */
    static final int EXT_CONSTRUCTOR_SINGLE_ARG = 0;

    static final int EXT_CONSTRUCTOR_POS_ARGS = 1;
    static final int EXT_CONSTRUCTOR_KW_ARGS = 2;
    static final int EXT_METHOD_SINGLE_ARG = 3;
    static final int EXT_PYDANTIC_V2 = 5;
    static final int EXT_DELTA_SNAPSHOT = 7;

    /** Aborts in a row after which a plan is left alone, and how many objects then pass before it is tried again. */
    private static final int PATIENCE = 4;

    private static final int REST = 64;

    /** {@code [module, name,} as msgpack, the head of the array included. */
    final byte[] prefix;

    /** Size of the ext's head at the last object. */
    int head = 4;

    private int tag;
    private long name;
    private int pinned;
    private int aborts;

    TypePlan(byte[] prefix) {
        this.prefix = prefix;
    }

    /** Ties the plan to the class as it is now; false where the class has no version. */
    final boolean bind(long type) {
        tag = PyType.versionTag(type);
        name = PyType.heapName(type);
        return tag != 0;
    }

    /** Makes the plan hold for so many objects, whatever becomes of the class. */
    final void bindFor(int objects) {
        pinned = objects;
    }

    final boolean isCurrent(long type) {
        return PyType.versionTag(type) == tag && PyType.heapName(type) == name
                || pinned > 0 && pinned-- > 0;
    }

    /** Whether the plan aborted so often that trying it is a waste now. */
    final boolean isTiring() {
        if (aborts < PATIENCE) {
            return false;
        }
        if (++aborts > PATIENCE + REST) {
            aborts = PATIENCE - 1;
        }
        return true;
    }

    final void aborted() {
        aborts++;
    }

    final void served() {
        aborts = 0;
    }

    /** Writes an instance that stands outside of any pydantic model. */
    abstract void encode(Encoder encoder, long object, long type, int depth);

    /** Writes an instance inside a pydantic model, as model_dump leaves it. */
    void encodeInModel(Encoder encoder, long object, long type, int depth) {
        throw PlanAbort.OBJECT;
    }

    /** Writes a planned object; runs no Python code of the user's, aborts where it can't go on. */
    void write(Encoder encoder, long object, long type, int depth) {
        throw PlanAbort.OBJECT;
    }

    /** {@code [module, name,} of an array of {@code items} items. */
    static byte[] prefix(int items, byte[] module, byte[] name) {
        byte[] first = str(module);
        byte[] second = str(name);
        byte[] prefix = new byte[1 + first.length + second.length];
        prefix[0] = (byte) (0x90 | items);
        System.arraycopy(first, 0, prefix, 1, first.length);
        System.arraycopy(second, 0, prefix, 1 + first.length, second.length);
        return prefix;
    }

    static byte[] str(String text) {
        return str(text.getBytes(StandardCharsets.UTF_8));
    }

    /** A str of less than 65536 bytes as msgpack. */
    static byte[] str(byte[] utf8) {
        int length = utf8.length;
        int head = length < 32 ? 1 : length < 256 ? 2 : 3;
        byte[] packed = new byte[head + length];
        if (head == 1) {
            packed[0] = (byte) (0xA0 | length);
        } else if (head == 2) {
            packed[0] = (byte) 0xD9;
            packed[1] = (byte) length;
        } else if (length < 65536) {
            packed[0] = (byte) 0xDA;
            packed[1] = (byte) (length >> 8);
            packed[2] = (byte) length;
        } else {
            throw new IllegalArgumentException("name of " + length + " bytes");
        }
        System.arraycopy(utf8, 0, packed, head, length);
        return packed;
    }
}
