"""Samples of every mail, to look at and for the tests."""
