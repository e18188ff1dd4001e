"""The mode that analyses failures: what failed, which lines prove it, whose fault it is, what to do next."""
