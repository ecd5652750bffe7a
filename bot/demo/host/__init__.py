"""The demonstration host: SSH, programs, web server and database."""
