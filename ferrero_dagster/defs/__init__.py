"""Everything that Dagster sees; thin, the rules are elsewhere."""

import gc

# Dagster is imported by now, and stays: without this Python looks through all of it again and again for garbage while
# it imports the rest.
gc.freeze()
