package dev.fastjvm.litellm;

import dev.fastjvm.bpe.AddedTokens;
import dev.fastjvm.bpe.Model;
import dev.fastjvm.bpe.Normal;
import dev.fastjvm.bpe.Pattern;
import dev.fastjvm.bpe.Pipeline;
import dev.fastjvm.bpe.Ranks;
import dev.fastjvm.bpe.Tokens;
import dev.fastjvm.cpython.Builtin;
import dev.fastjvm.cpython.Gil;
import dev.fastjvm.cpython.PyBytes;
import dev.fastjvm.cpython.PyLong;
import dev.fastjvm.cpython.PyObjects;
import dev.fastjvm.memory.Memory;
import java.io.IOException;
import java.util.Arrays;

/**
 * The builtin {@code litellm_load_tokenizer(model, pattern, normal, ignore_merges, raw, normalized)}: the JSON of a BPE model of {@code tokenizers},
 * and the tokens that are looked for in a text and in its normal form, dicts of bytes to int; returns a vocabulary's number.
 *
 * <p>The JSON is read and the tables are built without the GIL. Declines what is no such model.
 */
public final class LoadTokenizer extends Builtin {
    public LoadTokenizer() {
        super("litellm_load_tokenizer",
                "litellm_load_tokenizer($module, model, pattern, normal, ignore_merges, raw, normalized, /)\n--\n\n"
                        + "Load a BPE tokenizer.");
    }

    @Override
    protected long call(long args, long nargs) throws IOException {
        long model = Memory.getLong(args);
        long raw = Memory.getLong(args + 32);
        long normalized = Memory.getLong(args + 40);
        if (nargs != 6 || PyObjects.type(model) != PyBytes.TYPE || !TokenDict.isTable(raw)
                || !TokenDict.isTable(normalized)) {
            return decline();
        }
        Pattern pattern = Pattern.values()[(int) PyLong.value(Memory.getLong(args + 8))];
        Normal normal = Normal.values()[(int) PyLong.value(Memory.getLong(args + 16))];
        boolean ignoreMerges = PyLong.value(Memory.getLong(args + 24)) != 0;
        Tokens first = new Tokens(16);
        Tokens second = new Tokens(16);
        if (!TokenDict.read(raw, first) || !TokenDict.read(normalized, second)) {
            return decline();
        }
        int length = Math.toIntExact(PyBytes.length(model));
        int[] number = {-1};
        Gil.without(() -> {
            byte[] json = Arrays.copyOf(Memory.bytes(PyBytes.data(model), length),
                    length + Ranks.PADDING);
            number[0] = load(json, pattern, normal, ignoreMerges, first, second);
        });
        return number[0] < 0 ? decline() : PyLong.of(number[0]);
    }

    private static int load(byte[] json, Pattern pattern, Normal normal, boolean ignoreMerges,
            Tokens raw, Tokens normalized) {
        ModelReader reader = new ModelReader(json);
        Model model;
        try {
            reader.read();
            if (reader.names().most() > 4 * reader.names().count() + 4096) {
                return -1;
            }
            model = Model.of(reader.names(), reader.merges(), pattern != Pattern.BLANKS,
                    ignoreMerges);
        } catch (IllegalArgumentException | ArrayIndexOutOfBoundsException e) {
            return -1;
        }
        if (model == null) {
            return -1;
        }
        AddedTokens first = new AddedTokens(raw);
        AddedTokens second = new AddedTokens(normalized);
        return Vocabularies.add(new Vocabularies.Vocabulary(
                () -> new Pipeline(model, pattern, normal, first, second), null, model.bytes()));
    }
}
