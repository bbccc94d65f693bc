package dev.fastjvm.store;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.fastjvm.memory.Memory;
import org.junit.jupiter.api.Test;

/** SipHash's own vectors: the key 00 01 .. 0f, the bytes 00 01 .. of growing length. */
class KeyHashTest {
    private static final String[] WANTED = {"a3817f04ba25a8e66df67214c7550293",
            "da87c1d86b99af44347659119b22fc45", "8177228da4a45dc7fca38bdef60affe4",
            "9c70b60c5267a94e5f33b6b02985ed51"};

    @Test
    void vectors() {
        long data = Memory.allocate(64);
        try {
            for (int i = 0; i < 64; i++) {
                Memory.putByte(data + i, (byte) i);
            }
            KeyHash hash = new KeyHash();
            for (int length = 0; length < WANTED.length; length++) {
                hash.hash(0x0706050403020100L, 0x0f0e0d0c0b0a0908L, 0, data, length);
                assertEquals(WANTED[length], "%016x%016x".formatted(Long.reverseBytes(hash.low),
                        Long.reverseBytes(hash.high)));
            }
        } finally {
            Memory.free(data);
        }
    }
}
