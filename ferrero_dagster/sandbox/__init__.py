"""Stand-ins for DAM, Box, mail and Make.com on loopback, and the demo made of them."""
