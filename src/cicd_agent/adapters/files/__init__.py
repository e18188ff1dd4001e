"""Files opened and written where others may write too."""
