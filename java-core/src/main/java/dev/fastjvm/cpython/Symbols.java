package dev.fastjvm.cpython;

import java.util.List;

/** Names that {@link CApi} looks up in {@link Spec}; a trailing {@code ?} marks an optional one. */
final class Symbols {
    static final List<String> NAMES = List.of(
            "PyObject_SelfIter", "PyDict_Next", "PyUnicode_AsUTF8AndSize", "PyUnicode_New",
            "PyUnicode_DecodeUTF8",
            "PyBytes_FromStringAndSize", "_PyBytes_Resize", "PyLong_FromLongLong",
            "PyLong_FromUnsignedLongLong",
            "PyFloat_FromDouble", "PyList_New", "PyList_Append", "PyTuple_New", "PyDict_New",
            "PyDict_SetItem",
            "PyDict_GetItemWithError", "PyDict_Copy", "PySet_New", "PySet_Contains",
            "PyType_GenericAlloc", "PyObject_GC_Track",
            "PyObject_GenericSetAttr", "PyObject_Call", "PyObject_Str",
            "Py_DecRef", "PyErr_SetString", "PyErr_Occurred", "PyErr_Clear",
            "PyErr_ExceptionMatches",
            "PyErr_CheckSignals", "PyEval_SaveThread", "PyEval_RestoreThread", "PyGC_Enable",
            "PyGC_Disable", "PyGC_IsEnabled",
            "PyExc_TypeError", "PyExc_ValueError", "PyExc_Exception", "PyExc_RuntimeError",
            "PyExc_RecursionError");

    private Symbols() {}
}
