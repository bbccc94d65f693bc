package dev.fastjvm;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** langgraph_dumps and langgraph_loads against the functions they stand in for. */
class CodecInsideJepTest {
    @BeforeAll
    static void boot() {
        EmbeddedPython.boot();
        EmbeddedPython.exec(EmbeddedPython.lines(
                "import collections, dataclasses, datetime, decimal, enum, uuid, ormsgpack",
                "from langchain_core.messages import AIMessage, HumanMessage, ToolMessage",
                "from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer",
                "dumps = builtins['langgraph_dumps'].function",
                "loads = builtins['langgraph_loads'].function", "serde = JsonPlusSerializer()",
                "original_dumps = JsonPlusSerializer.dumps_typed.__wrapped__",
                "original_loads = JsonPlusSerializer.loads_typed.__wrapped__",
                "hook = serde._unpack_ext_hook", "Point = collections.namedtuple('Point', 'x y')",
                "call = {'name': 'add', 'args': {'a': 1}, 'id': 'c1', 'type': 'tool_call'}"));
    }

    /** The table of calls, declines and callbacks, in the log of every run. */
    @AfterAll
    static void report() {
        EmbeddedPython.report();
    }

    @ParameterizedTest
    @ValueSource(strings = {"None", "True", "False", "0", "-1", "127", "128", "-32", "-33", "255",
            "256", "2**31", "2**32", "2**63 - 1", "2**64 - 1", "-2**63", "0.0", "-0.0", "1.5",
            "float('inf')", "''", "'a' * 31", "'a' * 32", "'a' * 255", "'a' * 256", "'a' * 65536",
            "'grüße'", "'中文' * 100", "chr(0x1F600)", "b''", "bytes(range(256))", "[]",
            "list(range(15))",
            "list(range(16))", "list(range(500))", "{}", "{str(i): i for i in range(15)}",
            "{str(i): i for i in range(16)}", "{'a': [{'b': None}], 'c': {'d': [1, 2.5, 'x']}}",
            "[[[[[[]]]]]]"})
    void plainValuesEqualOrmsgpack(String expression) {
        assertEquals("True", EmbeddedPython.repr(
                "dumps(" + expression + ") == ormsgpack.packb(" + expression + ")"), expression);
        EmbeddedPython
                .exec("value = " + expression
                        + "\nloaded = loads(dumps({'object': uuid.UUID(int=1), 'v': value}), hook)['v']");
        assertEquals("True",
                EmbeddedPython.repr("repr(loaded) == repr(value) and type(loaded) is type(value)"),
                expression);
    }

    @ParameterizedTest
    @ValueSource(strings = {"(1, 'two', [3])", "{1, 2, 3}", "frozenset({'a'})",
            "datetime.datetime(2026, 1, 2, 3, 4, 5, 6, datetime.timezone.utc)",
            "datetime.date(2026, 1, 2)", "datetime.timedelta(1, 2, 3)",
            "uuid.UUID(int=0x1234567890abcdef)", "decimal.Decimal('1.10')", "[Point(1, 'y')]",
            "HumanMessage('grüße', id='m1')", "AIMessage('', tool_calls=[call], id='m2')",
            "ToolMessage('3', tool_call_id='c1', id='m3')",
            "{'messages': [HumanMessage('1'), AIMessage('2')], 'n': 1}"})
    void objectsEqualTheOriginal(String expression) {
        EmbeddedPython.exec(EmbeddedPython.lines("value = " + expression,
                "stored = original_dumps(serde, value)", "packed = dumps(value)",
                "before = original_loads(serde, stored)", "loaded = loads(stored[1], hook)",
                "if loaded is NotImplemented: loaded = before"));
        assertEquals("True", EmbeddedPython.repr("packed == stored[1]"), expression);
        assertEquals("True", EmbeddedPython.repr(
                "type(loaded) is type(before) and loaded == before and repr(loaded) == repr(before)"),
                expression);
    }
}
