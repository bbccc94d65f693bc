/** LiteLLM's hot paths that Java serves: the numbers of embeddings and their text, and counting tokens. */
package dev.fastjvm.litellm;
