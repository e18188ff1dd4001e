"""The router: a change goes in, and how much care it needs comes out, before anything runs."""
