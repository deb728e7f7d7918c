"""A stand-in for an SMS gateway: takes messages over HTTP, shows them to developers, reports their delivery."""
