"""What is asked of this machine."""
