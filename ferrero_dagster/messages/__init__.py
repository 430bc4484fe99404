"""What people are told: facts, texts, and their delivery."""
