"""What people write and the tool follows: prompts, the taxonomy of signals, the playbook, conditions."""
