"""What a deployment gate reads from GitHub."""
