"""Who or what caused a failure."""
