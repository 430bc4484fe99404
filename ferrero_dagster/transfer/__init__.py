"""The one procedure that moves a file and proves it, in two directions."""
