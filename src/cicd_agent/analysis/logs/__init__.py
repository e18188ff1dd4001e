"""CI logs: from raw bytes to the lines that prove what failed. Pure, and the same for the same bytes."""
