"""`python -m ferrero_dagster.cli`, where the command is not on the path."""

from ferrero_dagster.cli import main

main()
