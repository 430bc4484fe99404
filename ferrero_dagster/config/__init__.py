"""What can be set: the routes as rows, the site, addresses and secrets from the environment."""
