/** LiteLLM's hot paths that Java serves: the numbers of embeddings, and counting tokens. */
package dev.fastjvm.litellm;
