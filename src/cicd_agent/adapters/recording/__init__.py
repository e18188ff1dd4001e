"""Recordings of model conversations, and their replay."""
