"""Parcels and the ways they take."""
