/** Deep copies of Python's plain data. */
package dev.fastjvm.copy;
