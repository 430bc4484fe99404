"""`make workers`: runs on two workers that share nothing but the network, of which one is killed and one cut off."""
