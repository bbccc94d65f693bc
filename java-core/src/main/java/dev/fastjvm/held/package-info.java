/** Whether objects hold what they held: the pointers in dicts, lists and instances beside those that were taken down. */
package dev.fastjvm.held;
