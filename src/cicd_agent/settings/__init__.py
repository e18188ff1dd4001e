"""Inputs, the config file and the environment as frozen values, each with its origin."""
