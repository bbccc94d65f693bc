package dev.fastjvm;

import dev.fastjvm.axolotl.FirstFitBuiltin;
import dev.fastjvm.axolotl.PackBuiltin;
import dev.fastjvm.copy.DeepCopy;
import dev.fastjvm.cpython.Builtin;
import dev.fastjvm.cpython.LayoutCheck;
import dev.fastjvm.cpython.Noop;
import dev.fastjvm.dump.JsonText;
import dev.fastjvm.dump.ModelDump;
import dev.fastjvm.held.Held;
import dev.fastjvm.held.Same;
import dev.fastjvm.langgraph.Dumps;
import dev.fastjvm.langgraph.Loads;
import dev.fastjvm.litellm.CountTokens;
import dev.fastjvm.litellm.DecodeTokens;
import dev.fastjvm.litellm.EmbeddingsBuiltin;
import dev.fastjvm.litellm.EncodeTokens;
import dev.fastjvm.litellm.FloatText;
import dev.fastjvm.litellm.LoadRanks;
import dev.fastjvm.litellm.LoadTokenizer;
import dev.fastjvm.litellm.TokenizerTables;
import dev.fastjvm.store.BatchLogBuiltin;
import dev.fastjvm.store.ByteCacheBuiltin;
import dev.fastjvm.store.KeyedLogBuiltin;
import dev.fastjvm.store.RateLimitsBuiltin;
import java.util.List;

/** The one place where builtins are declared. */
final class Builtins {
    private Builtins() {}

    static List<Builtin> make() {
        Dumps dumps = new Dumps();
        Loads loads = new Loads();
        DeepCopy deepCopy = new DeepCopy();
        return List.of(new Noop(), new LayoutCheck(), new Dumps.Configure(dumps, loads), dumps,
                loads, new KeyedLogBuiltin(), new BatchLogBuiltin(),
                new ByteCacheBuiltin(), new FirstFitBuiltin(), new PackBuiltin(), deepCopy,
                new DeepCopy.Configure(deepCopy), new EmbeddingsBuiltin(), new LoadRanks(),
                new CountTokens("litellm_count_tokens"), new CountTokens("litellm_count_text"),
                new EncodeTokens("litellm_encode_tokens"), new EncodeTokens("litellm_encode_text"),
                new DecodeTokens("litellm_decode_tokens"),
                new DecodeTokens("litellm_decode_text"), new LoadTokenizer(), new TokenizerTables(),
                new FloatText(), new RateLimitsBuiltin(), new JsonText(), new ModelDump(),
                new Held(),
                new Same());
    }
}
