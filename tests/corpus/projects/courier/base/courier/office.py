"""What an office does with files and programs."""
