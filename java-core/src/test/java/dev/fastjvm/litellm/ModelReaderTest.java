package dev.fastjvm.litellm;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.fastjvm.bpe.Ranks;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

class ModelReaderTest {
    private static ModelReader read(String json) {
        byte[] bytes = json.getBytes(StandardCharsets.UTF_8);
        ModelReader reader = new ModelReader(Arrays.copyOf(bytes, bytes.length + Ranks.PADDING));
        reader.read();
        return reader;
    }

    @Test
    void vocabularyAndMerges() {
        ModelReader reader = read(
                "{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"\\\"\":3,\"\\\\\\n\\u0001é\":7,\"a\\\"\":8},"
                        + "\"merges\":[[\"a\",\"\\\"\"],[\"\\\"\",\"a\"]]}");
        assertEquals(4, reader.names().count());
        assertEquals(9, reader.names().most());
        assertEquals("\\\n\u0001é", new String(reader.names().bytes(), reader.names().start(2),
                reader.names().end(2) - reader.names().start(2), StandardCharsets.UTF_8));
        assertArrayEquals(new int[] {0, 3, 3, 0}, reader.merges());
        assertArrayEquals(new int[0], read("{\"vocab\":{\"a\":0},\"merges\":[]}").merges());
    }

    @Test
    void whatIsAnotherJson() {
        for (String odd : new String[] {"", "{}", "{\"vocab\":{\"a\":-1},\"merges\":[]}",
                "{\"vocab\":{\"\":1},\"merges\":[]}", "{\"vocab\":{\"a\":1},\"merges\":[\"a a\"]}",
                "{\"vocab\":{\"a\":1},\"merges\":[[\"a\",\"b\"]]}",
                "{\"vocab\":{\"a\":99999999999},\"merges\":[]}",
                "{\"vocab\":{\"a\\u00e9\":1},\"merges\":[]}",
                "{\"vocab\":{\"a\":1},\"ignore_merges\":true}"}) {
            assertThrows(IllegalArgumentException.class, () -> read(odd), odd);
        }
        assertThrows(ArrayIndexOutOfBoundsException.class, () -> read("{\"vocab\":{\"a"));
    }
}
