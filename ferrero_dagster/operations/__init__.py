"""What operators do by hand, for the Dagster jobs and the command line alike."""
