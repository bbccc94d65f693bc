package dev.fastjvm.litellm;

import dev.fastjvm.bpe.AddedTokens;
import dev.fastjvm.bpe.Decoder;
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
import java.util.BitSet;

/**
 * The builtin {@code litellm_load_tokenizer(model, pattern, normal, ignore_merges, raw, normalized, decoder, added, skipped)}: the JSON of a BPE
 * model of {@code tokenizers}, the tokens that are looked for in a text and in its normal form, and those of them that are kept and left
 * out where ids are decoded, dicts of bytes to int; returns a vocabulary's number.
 *
 * <p>The JSON is read and the tables are built without the GIL. Declines what is no such model.
 */
public final class LoadTokenizer extends Builtin {
    public LoadTokenizer() {
        super("litellm_load_tokenizer",
                "litellm_load_tokenizer($module, model, pattern, normal, ignore_merges, raw, normalized, decoder, added, skipped, /)\n--\n\n"
                        + "Load a BPE tokenizer.");
    }

    @Override
    protected long call(long args, long nargs) throws IOException {
        long text = Memory.getLong(args);
        long raw = Memory.getLong(args + 32);
        long normalized = Memory.getLong(args + 40);
        long added = Memory.getLong(args + 56);
        long skipped = Memory.getLong(args + 64);
        if (nargs != 9 || PyObjects.type(text) != PyBytes.TYPE || !TokenDict.isTable(raw)
                || !TokenDict.isTable(normalized) || !TokenDict.isTable(added)
                || !TokenDict.isTable(skipped)) {
            return decline();
        }
        Pattern pattern = Pattern.values()[(int) PyLong.value(Memory.getLong(args + 8))];
        Normal normal = Normal.values()[(int) PyLong.value(Memory.getLong(args + 16))];
        boolean ignoreMerges = PyLong.value(Memory.getLong(args + 24)) != 0;
        Tokens first = new Tokens(16);
        Tokens second = new Tokens(16);
        Decoder decoder = Decoder.values()[(int) PyLong.value(Memory.getLong(args + 48))];
        Tokens kept = new Tokens(16);
        Tokens left = new Tokens(16);
        if (!TokenDict.read(raw, first) || !TokenDict.read(normalized, second)
                || !TokenDict.read(added, kept) || !TokenDict.read(skipped, left)) {
            return decline();
        }
        int length = Math.toIntExact(PyBytes.length(text));
        int[] number = {-1};
        Gil.without(() -> {
            byte[] json = Arrays.copyOf(Memory.bytes(PyBytes.data(text), length),
                    length + Ranks.PADDING);
            ModelReader reader = new ModelReader(json);
            Model model = model(reader, pattern, ignoreMerges);
            number[0] = model == null ? -1
                    : load(model, pattern, normal, first, second, decoder, kept, left,
                            reader.names());
        });
        return number[0] < 0 ? decline() : PyLong.of(number[0]);
    }

    private static Model model(ModelReader reader, Pattern pattern, boolean ignoreMerges) {
        try {
            reader.read();
            if (reader.names().most() > 4 * reader.names().count() + 4096) {
                return null;
            }
            return Model.of(reader.names(), reader.merges(), pattern != Pattern.BLANKS,
                    ignoreMerges);
        } catch (IllegalArgumentException | ArrayIndexOutOfBoundsException e) {
            return null;
        }
    }

    private static int load(Model model, Pattern pattern, Normal normal, Tokens raw,
            Tokens normalized, Decoder decoder, Tokens added, Tokens skipped, Tokens names) {
        AddedTokens first = new AddedTokens(raw);
        AddedTokens second = new AddedTokens(normalized);
        BitSet none = new BitSet();
        for (int i = 0; i < skipped.count(); i++) {
            none.set(skipped.id(i));
        }
        return Vocabularies.add(new Vocabularies.Vocabulary(
                () -> new Pipeline(model, pattern, normal, first, second),
                decoder.spellings(added, names, none), none, model.bytes()));
    }
}
