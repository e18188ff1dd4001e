"""What is asked of nobody."""
