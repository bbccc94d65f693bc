package dev.fastjvm.store;

import dev.fastjvm.memory.Memory;

/** SipHash-2-4 with 128 bits, of bytes in memory. Reference: Aumasson and Bernstein, github.com/veorq/SipHash. */
final class KeyHash {
    private long v0;
    private long v1;
    private long v2;
    private long v3;
    /** The two halves of the last hash. */
    long high;
    long low;

    /** Hashes bytes; {@code salt} tells kinds of them apart, and is 0 for SipHash's own values. */
    void hash(long key0, long key1, long salt, long data, long length) {
        v0 = key0 ^ 0x736f6d6570736575L;
        v1 = key1 ^ 0x646f72616e646f6dL ^ 0xee;
        v2 = key0 ^ 0x6c7967656e657261L ^ salt;
        v3 = key1 ^ 0x7465646279746573L;
        long end = data + (length & ~7L);
        for (long at = data; at < end; at += 8) {
            long word = Memory.getLong(at);
            v3 ^= word;
            round();
            round();
            v0 ^= word;
        }
        long last = length << 56;
        for (int i = (int) (length & 7) - 1; i >= 0; i--) {
            last |= (Memory.getByte(end + i) & 0xFFL) << 8 * i;
        }
        v3 ^= last;
        round();
        round();
        v0 ^= last;
        v2 ^= 0xee;
        finish();
        low = v0 ^ v1 ^ v2 ^ v3;
        v1 ^= 0xdd;
        finish();
        high = v0 ^ v1 ^ v2 ^ v3;
    }

    private void finish() {
        round();
        round();
        round();
        round();
    }

    private void round() {
        v0 += v1;
        v1 = Long.rotateLeft(v1, 13) ^ v0;
        v0 = Long.rotateLeft(v0, 32);
        v2 += v3;
        v3 = Long.rotateLeft(v3, 16) ^ v2;
        v0 += v3;
        v3 = Long.rotateLeft(v3, 21) ^ v0;
        v2 += v1;
        v1 = Long.rotateLeft(v1, 17) ^ v2;
        v2 = Long.rotateLeft(v2, 32);
    }
}
