"""How far a migration is: files are measured, added up by folder, and shown in four formats."""
