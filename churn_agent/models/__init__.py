"""Language models behind one batch-first, streaming protocol (`base.ChatModel`)."""
