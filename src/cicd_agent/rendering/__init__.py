"""Results as a person or a tool reads them."""
