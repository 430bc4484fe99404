"""One module per outside system: its wire format and its errors, no rules."""
