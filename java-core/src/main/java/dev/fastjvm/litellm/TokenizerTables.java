package dev.fastjvm.litellm;

import dev.fastjvm.cpython.Builtin;
import dev.fastjvm.cpython.PyLong;
import dev.fastjvm.memory.Memory;

/** The builtin {@code litellm_tokenizer_tables(vocabulary, drop)}: the bytes of a vocabulary's tables, which it forgets where asked to. */
public final class TokenizerTables extends Builtin {
    public TokenizerTables() {
        super("litellm_tokenizer_tables",
                "litellm_tokenizer_tables($module, vocabulary, drop, /)\n--\n\nSize of a vocabulary's tables; may forget them.");
    }

    @Override
    protected long call(long args, long nargs) {
        int number = (int) PyLong.value(Memory.getLong(args));
        if (nargs != 2 || number < 0 || number >= Vocabularies.MOST
                || Vocabularies.get(number) == null) {
            return decline();
        }
        long bytes = Vocabularies.get(number).bytes();
        if (PyLong.value(Memory.getLong(args + 8)) != 0) {
            Vocabularies.drop(number);
        }
        return PyLong.of(bytes);
    }
}
