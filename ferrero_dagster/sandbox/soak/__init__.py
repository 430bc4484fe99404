"""What takes minutes to show, with Dagster's own daemon and code server, while other systems are at their worst."""
