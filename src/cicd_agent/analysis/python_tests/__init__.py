"""Python tests as text: static checks, mutation, placement, documentation."""
