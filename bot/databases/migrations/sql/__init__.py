"""What the SQL of migrations does, read without running it."""
