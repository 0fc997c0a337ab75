"""Here only so that it is found."""
