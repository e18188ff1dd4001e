"""The failed run and those before it, as GitHub has them."""
