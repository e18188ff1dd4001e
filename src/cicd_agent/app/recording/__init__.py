"""What a run leaves behind: its entry in the audit log, and the facts that later runs may use."""
