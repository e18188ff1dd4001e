"""A scripted, OpenAI-compatible model server on 127.0.0.1, for people who try their own set-up without a key."""
