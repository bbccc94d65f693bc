package dev.fastjvm.litellm;

import dev.fastjvm.bpe.Counter;
import dev.fastjvm.bpe.Pattern;
import dev.fastjvm.bpe.Ranks;
import dev.fastjvm.bpe.Tokens;
import dev.fastjvm.cpython.Builtin;
import dev.fastjvm.cpython.Gil;
import dev.fastjvm.cpython.PyDict;
import dev.fastjvm.cpython.PyLong;
import dev.fastjvm.memory.Memory;
import java.io.IOException;
import java.util.BitSet;

/**
 * The builtin {@code litellm_load_ranks(ranks, specials, pattern)}: two dicts of bytes to int as a vocabulary; returns its number. The
 * dicts are copied with the GIL, the tables built without it. Declines what is no vocabulary.
 */
public final class LoadRanks extends Builtin {
    public LoadRanks() {
        super("litellm_load_ranks",
                "litellm_load_ranks($module, ranks, specials, pattern, /)\n--\n\nLoad a vocabulary of tiktoken's.");
    }

    @Override
    protected long call(long args, long nargs) throws IOException {
        long dict = Memory.getLong(args);
        long specials = Memory.getLong(args + 8);
        if (nargs != 3 || !TokenDict.isTable(dict) || !TokenDict.isTable(specials)) {
            return decline();
        }
        int pattern = (int) PyLong.value(Memory.getLong(args + 16));
        int count = (int) PyDict.size(dict);
        int all = count + (int) PyDict.size(specials);
        Tokens tokens = new Tokens(all);
        if (!TokenDict.read(dict, tokens) || !TokenDict.read(specials, tokens)
                || tokens.count() != all || tokens.most() > 4 * all + 4096
                || tokens.most() > Ranks.MOST) {
            return decline();
        }
        int[] number = {-1};
        Gil.without(() -> number[0] = load(tokens, count, Pattern.values()[pattern]));
        return number[0] < 0 ? decline() : PyLong.of(number[0]);
    }

    private static int load(Tokens tokens, int count, Pattern pattern) {
        Ranks ranks = tokens.table(count);
        if (!ranks.isComplete()) {
            return -1;
        }
        ranks.prepare();
        return Vocabularies.add(new Vocabularies.Vocabulary(
                () -> new Counter(ranks, pattern), tokens.spellings(), new BitSet(),
                ranks.bytes()));
    }
}
