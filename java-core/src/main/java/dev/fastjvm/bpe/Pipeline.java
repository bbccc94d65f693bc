package dev.fastjvm.bpe;

/**
 * Counts or lists the tokens of a text as a tokenizer of {@code tokenizers} does before it post-processes: added tokens are found first,
 * what is between them is normalized, added tokens are found in that, and the rest is cut and merged.
 */
public final class Pipeline implements TokenCounter {
    private final AddedTokens raw;
    private final AddedTokens normal;
    private final Normal form;
    private final Counter counter;
    private byte[] text = new byte[4096];

    /**
     * Makes one.
     *
     * @param raw tokens that are looked for in the text as it came
     * @param normal tokens that are looked for once it is normalized
     */
    public Pipeline(Model model, Pattern pattern, Normal form, AddedTokens raw,
            AddedTokens normal) {
        counter = new Counter(model, pattern);
        this.form = form;
        this.raw = raw;
        this.normal = normal;
    }

    @Override
    public byte[] room(int length) {
        if (text.length < length) {
            text = new byte[Math.max(length, Math.min(2 * text.length, 1 << 20))];
        }
        return text;
    }

    @Override
    public int count(int length) {
        return all(length, false);
    }

    @Override
    public int encode(int length) {
        return all(length, true);
    }

    private int all(int length, boolean list) {
        counter.list().clear();
        int made = 0;
        int at = 0;
        while (true) {
            long found = raw.find(text, at, length);
            int stop = found < 0 ? length : (int) (found >>> 32);
            if (stop > at) {
                made = part(at, stop, made, list);
            }
            if (found < 0 || made == Scanner.DOUBT) {
                return made;
            }
            at = (int) found;
            made++;
            if (list) {
                counter.list().add(raw.id(text, stop, at));
            }
        }
    }

    /** What is between added tokens. */
    private int part(int start, int end, int before, boolean list) {
        int length = form.apply(text, start, end, counter);
        if (length == Scanner.DOUBT) {
            return length;
        }
        int made = before;
        int at = 0;
        while (true) {
            long found = normal.find(counter.text, at, length);
            int stop = found < 0 ? length : (int) (found >>> 32);
            if (stop > at) {
                int more = list ? counter.encode(at, stop) : counter.count(at, stop);
                if (more == Scanner.DOUBT) {
                    return more;
                }
                made = list ? more : made + more;
            }
            if (found < 0) {
                return made;
            }
            at = (int) found;
            made++;
            if (list) {
                counter.list().add(normal.id(counter.text, stop, at));
            }
        }
    }

    @Override
    public int[] ids() {
        return counter.ids();
    }

    @Override
    public long grown() {
        return text.length + counter.grown();
    }
}
