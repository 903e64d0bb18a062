"""Runs GGUF files in this process through llama.cpp's own API.

`file` checks a file before native code sees it, `vocabulary` turns chats into tokens, `context` owns the
key-value cache and the shared prefixes, `model` is the `ChatModel`.
"""
