"""OTMM's form of metadata, read and built; pure."""
