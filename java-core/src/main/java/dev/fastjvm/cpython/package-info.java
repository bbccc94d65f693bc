/**
 * A CPython extension in pure Java: the only package that knows CPython's memory and C API, and nothing of any library.
 *
 * <p>{@link dev.fastjvm.cpython.Spec} holds what Python told at boot, {@link dev.fastjvm.cpython.Layout} the offsets,
 * {@link dev.fastjvm.cpython.CApi} the C functions, the {@code Py…} classes are views over one Python type each, and
 * {@link dev.fastjvm.cpython.Builtin} makes a Java method callable from Python. An address that a view returns is a
 * borrowed reference unless its Javadoc says owned.
 */
package dev.fastjvm.cpython;
