"""Which files a file uses, by its imports."""
