package dev.fastjvm.langgraph;

import dev.fastjvm.cpython.DictGuards;
import dev.fastjvm.cpython.PyBool;
import dev.fastjvm.cpython.PyObjects;
import dev.fastjvm.cpython.PyTuple;
import dev.fastjvm.cpython.PyType;
import dev.fastjvm.cpython.PyUnicode;

/**
 * Reads the nested tuples by which {@code fast_langgraph._plans} describes classes and schemas. Objects that a plan keeps the
 * address of (names, classes, literals) get a reference that is never given back.
 */
final class PlanReader {
    /** A plan of {@code (kind, …)}; throws IllegalArgumentException for an unknown kind. */
    TypePlan plan(long tuple) {
        String kind = PyUnicode.string(PyTuple.item(tuple, 0));
        return switch (kind) {
            case "odd" -> new OddPlan();
            case "str" -> new SubclassPlan(SubclassPlan.Base.STR);
            case "int" -> new SubclassPlan(SubclassPlan.Base.INT);
            case "list" -> new SubclassPlan(SubclassPlan.Base.LIST);
            case "dict" -> new SubclassPlan(SubclassPlan.Base.DICT);
            case "uuid" ->
                new UuidPlan(prefix(tuple, 3), PyType.memberOffset(PyTuple.item(tuple, 3)));
            case "datetime" -> new DateTimePlan(prefix(tuple, 4), keep(PyTuple.item(tuple, 3)));
            case "date" -> new DatePlan(prefix(tuple, 3));
            case "timedelta" -> new TimeDeltaPlan(prefix(tuple, 3));
            case "decimal" -> new DecimalPlan(prefix(tuple, 3));
            case "set" -> new SetPlan(prefix(tuple, 3));
            case "namedtuple" ->
                new NamedTuplePlan(prefix(tuple, 3), packed(PyTuple.item(tuple, 3)));
            case "delta" -> new DeltaPlan();
            case "send" -> new SendPlan(prefix(tuple, 3), offsets(PyTuple.item(tuple, 3)));
            case "enum" -> new EnumPlan(prefix(tuple, 3), keep(PyTuple.item(tuple, 3)),
                    kept(PyTuple.item(tuple, 4)));
            case "dataclass" -> dataclass(tuple);
            case "model" -> model(tuple);
            default -> throw new IllegalArgumentException(kind);
        };
    }

    /** A load plan of {@code (kind, class, guards, …)}; throws IllegalArgumentException for an unknown kind. */
    LoadPlan loadPlan(long tuple) {
        String kind = PyUnicode.string(PyTuple.item(tuple, 0));
        long type = PyTuple.item(tuple, 1);
        type = type == PyObjects.NONE ? 0 : keep(type);
        DictGuards guards = new DictGuards(PyTuple.item(tuple, 2));
        if (kind.equals("call")) {
            long method = PyTuple.item(tuple, 5);
            return new CallPlan(guards, type, keep(PyTuple.item(tuple, 3)),
                    PyTuple.item(tuple, 4) == PyObjects.TRUE,
                    method == PyObjects.NONE ? 0 : keep(method));
        }
        if (kind.equals("revive")) {
            return new RevivePlan(guards, keep(PyTuple.item(tuple, 3)),
                    keep(PyTuple.item(tuple, 4)), PyTuple.item(tuple, 5) == PyObjects.TRUE,
                    keep(PyTuple.item(tuple, 6)));
        }
        if (!kind.equals("model")) {
            throw new IllegalArgumentException(kind);
        }
        return new ModelLoadPlan(guards, type, packed(PyTuple.item(tuple, 3)),
                shapes(PyTuple.item(tuple, 4)), keep(PyTuple.item(tuple, 5)),
                keep(PyTuple.item(tuple, 6)), offsets(PyTuple.item(tuple, 7)),
                PyTuple.item(tuple, 8) == PyObjects.TRUE,
                keep(PyTuple.item(tuple, 9)));
    }

    private static byte[] prefix(long tuple, int items) {
        return TypePlan.prefix(items, PyUnicode.utf8(PyTuple.item(tuple, 1)),
                PyUnicode.utf8(PyTuple.item(tuple, 2)));
    }

    private static long keep(long object) {
        return PyObjects.incref(object);
    }

    private static int size(long tuple) {
        return Math.toIntExact(PyTuple.size(tuple));
    }

    private static byte[][] packed(long names) {
        byte[][] packed = new byte[size(names)][];
        for (int i = 0; i < packed.length; i++) {
            packed[i] = TypePlan.str(PyUnicode.utf8(PyTuple.item(names, i)));
        }
        return packed;
    }

    private static long[] kept(long tuple) {
        long[] objects = new long[size(tuple)];
        for (int i = 0; i < objects.length; i++) {
            objects[i] = keep(PyTuple.item(tuple, i));
        }
        return objects;
    }

    private static long[] offsets(long descriptors) {
        long[] offsets = new long[size(descriptors)];
        for (int i = 0; i < offsets.length; i++) {
            long descriptor = PyTuple.item(descriptors, i);
            offsets[i] = descriptor == PyObjects.NONE ? 0 : PyType.memberOffset(descriptor);
        }
        return offsets;
    }

    private static TypePlan dataclass(long tuple) {
        long names = PyTuple.item(tuple, 3);
        Attributes attributes = new Attributes(kept(names), offsets(PyTuple.item(tuple, 4)), true,
                new long[0]);
        return new DataclassPlan(prefix(tuple, 3), packed(names), attributes);
    }

    private TypePlan model(long tuple) {
        long names = PyTuple.item(tuple, 3);
        long extra = PyType.memberOffset(PyTuple.item(tuple, 5));
        return new ModelPlan(prefix(tuple, 4), kept(names), packed(names),
                shapes(PyTuple.item(tuple, 4)), extra);
    }

    private Shape[] shapes(long tuple) {
        Shape[] shapes = new Shape[size(tuple)];
        for (int i = 0; i < shapes.length; i++) {
            shapes[i] = shape(PyTuple.item(tuple, i));
        }
        return shapes;
    }

    /** A shape of {@code (kind, …)}. */
    Shape shape(long tuple) {
        String kind = PyUnicode.string(PyTuple.item(tuple, 0));
        return switch (kind) {
            case "any" -> new Shape.Any();
            case "str" -> new Shape.Str();
            case "exact" -> new Shape.Exact(keep(PyTuple.item(tuple, 1)));
            case "nullable" -> new Shape.Nullable(shape(PyTuple.item(tuple, 1)));
            case "literal" -> new Shape.Literal(kept(PyTuple.item(tuple, 1)));
            case "list" -> new Shape.ListOf(shape(PyTuple.item(tuple, 1)));
            case "dict" -> new Shape.DictOf(PyTuple.item(tuple, 1) == PyObjects.TRUE,
                    shape(PyTuple.item(tuple, 2)));
            case "typed-dict" -> typedDict(tuple);
            case "union" -> new Shape.Union(shapes(PyTuple.item(tuple, 1)));
            case "model" -> new Shape.Model(keep(PyTuple.item(tuple, 1)));
            case "empty-list" -> new Shape.EmptyList();
            case "dict-without" ->
                new Shape.DictWithout(PyUnicode.utf8(PyTuple.item(tuple, 1)));
            default -> throw new IllegalArgumentException(kind);
        };
    }

    private Shape typedDict(long tuple) {
        long names = PyTuple.item(tuple, 1);
        long flags = PyTuple.item(tuple, 3);
        long required = 0;
        for (int i = 0; i < size(flags); i++) {
            long flag = PyTuple.item(flags, i);
            if (PyObjects.type(flag) == PyBool.TYPE && flag == PyObjects.TRUE) {
                required |= 1L << i;
            }
        }
        long extra = PyTuple.item(tuple, 4);
        return new Shape.TypedDict(kept(names), packed(names), shapes(PyTuple.item(tuple, 2)),
                required,
                extra == PyObjects.NONE ? null : shape(extra));
    }
}
