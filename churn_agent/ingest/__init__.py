"""Files to history: `readers` give rows, `columns` says what they mean, `importing` stores them."""
