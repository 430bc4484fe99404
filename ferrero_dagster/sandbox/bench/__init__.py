"""Measures how fast files move, beside a plain script and an ideal copier: `make bench`, `docs/PERFORMANCE.md`."""
