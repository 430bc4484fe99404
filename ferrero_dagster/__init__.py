"""Moves creative assets between an OpenText DAM and Box, watched and steered in Dagster."""
