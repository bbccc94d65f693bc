package dev.fastjvm.bpe;

/** The bytes of each token by its id: one array, in the order of ids. */
public final class Spellings {
    private final int[] starts;
    private final byte[] bytes;

    /**
     * Of tokens that lie behind each other.
     *
     * @param ends where each of them ends
     * @param most ids are below; of two tokens with one id the first counts
     */
    public Spellings(byte[] text, int[] ends, int[] ids, int most) {
        starts = new int[most + 1];
        for (int i = 0; i < ids.length; i++) {
            if (starts[ids[i] + 1] == 0) {
                starts[ids[i] + 1] = ends[i] - start(ends, i);
            }
        }
        for (int id = 0; id < most; id++) {
            starts[id + 1] += starts[id];
        }
        bytes = new byte[starts[most] + Ranks.PADDING];
        for (int i = ids.length - 1; i >= 0; i--) {
            int size = Math.min(size(ids[i]), ends[i] - start(ends, i));
            System.arraycopy(text, start(ends, i), bytes, starts[ids[i]], size);
        }
    }

    private static int start(int[] ends, int i) {
        return i == 0 ? 0 : ends[i - 1];
    }

    /** Length of a token in bytes; 0 where no token has the id. */
    public int size(long id) {
        return id < 0 || id >= starts.length - 1 ? 0 : starts[(int) id + 1] - starts[(int) id];
    }

    /** Puts a token's bytes into an array, {@link #size} of them and up to {@link Ranks#PADDING} more. */
    public void copy(int id, byte[] to, int at) {
        int from = starts[id];
        int size = starts[id + 1] - from;
        int done = 0;
        do {
            Ranks.WORD.set(to, at + done, (long) Ranks.WORD.get(bytes, from + done));
            done += 8;
        } while (done < size);
    }

    /** Bytes of its tables. */
    public long bytes() {
        return bytes.length + 4L * starts.length;
    }
}
