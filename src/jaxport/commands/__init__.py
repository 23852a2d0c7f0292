"""The commands beside `check`, one file each: its arguments, and what it does."""
