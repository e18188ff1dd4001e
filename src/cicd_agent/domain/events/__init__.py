"""What happened on GitHub: events, runs, comments, threads."""
