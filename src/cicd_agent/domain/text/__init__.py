"""Text that others wrote: escaping, redaction, quoting, decoding."""
