"""What each name in a file means: scopes, values, and other files of the project."""
