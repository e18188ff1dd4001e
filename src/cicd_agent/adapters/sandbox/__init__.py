"""Untrusted code run without network, secrets or a way out."""
