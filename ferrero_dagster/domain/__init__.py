"""Rules without I/O: names, metadata, decisions, errors. No clock, no network, no Dagster."""
