"""What the rest of the package needs from the world, as protocols."""
