package dev.fastjvm.cpython;

import java.util.List;

/** Names that {@link CApi} looks up in {@link Spec}; a trailing {@code ?} marks an optional one. */
final class Symbols {
    static final List<String> NAMES = List.of(
            "PyObject_SelfIter", "PyDict_Next", "PyUnicode_AsUTF8AndSize", "PyUnicode_New", "PyUnicode_DecodeUTF8",
            "PyBytes_FromStringAndSize", "_PyBytes_Resize", "PyLong_FromLongLong", "PyLong_FromUnsignedLongLong",
            "PyFloat_FromDouble", "PyList_New", "PyTuple_New", "PyDict_New", "_PyDict_NewPresized?", "PyDict_SetItem",
            "PyDict_GetItemWithError", "PyDict_Copy", "PySet_New", "PySet_Contains", "PyType_GenericAlloc",
            "PyObject_GenericSetAttr", "PyObject_Vectorcall", "PyObject_Call", "PyObject_Str", "PyObject_IsTrue",
            "Py_IncRef", "Py_DecRef", "PyErr_SetString", "PyErr_Occurred", "PyErr_Clear", "PyErr_ExceptionMatches",
            "PyErr_CheckSignals", "PyErr_NoMemory", "PyGC_Enable", "PyGC_Disable", "PyGC_IsEnabled",
            "PyExc_TypeError", "PyExc_ValueError", "PyExc_Exception", "PyExc_RecursionError");

    private Symbols() {}
}
