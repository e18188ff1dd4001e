"""Static checks of proposed tests."""
