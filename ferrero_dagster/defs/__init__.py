"""Everything that Dagster sees; thin, the rules are elsewhere."""
