"""Runs GGUF files in this process through llama.cpp's own API.

`file` checks a file before native code reads it, `vocabulary` turns chats into tokens, `context` owns the key-value
cache, `scheduler` packs requests into batches, and `model` is the `ChatModel`.
"""
