"""The deployment gate: signals go in, proceed, hold or rollback comes out, and only rules may say proceed."""
