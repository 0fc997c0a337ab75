"""As much as is asked for."""
