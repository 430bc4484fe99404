"""Box → DAM: look at the agency's folder, run a campaign, move its files, tell people (SPEC 4)."""
