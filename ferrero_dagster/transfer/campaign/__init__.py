"""The campaign itself, whichever way its files go: its folders, what a look saw of it, its status."""
