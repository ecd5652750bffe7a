"""The program, where no host has a database server's program."""

import runpy

from bot.sandbox import server

if __name__ == "__main__":
    server.PROGRAMS = ("/nowhere/mariadbd",)
    runpy.run_module("bot", run_name="__main__")
