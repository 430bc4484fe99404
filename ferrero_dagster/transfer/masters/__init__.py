"""DAM → Box: look for campaigns, run one, move its files, tell people (SPEC 3)."""
