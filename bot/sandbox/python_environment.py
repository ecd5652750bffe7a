"""What of a host an application's virtual environment consists of, so that code in a sandbox can be shown it. Pure."""

from __future__ import annotations

FOLDERS = """
import os, re, sys

application, home = sys.argv[1:]
real = os.path.realpath
system = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc", "/proc", "/sys", "/dev", "/sandbox")
closed = {"/", "/home", "/root", "/run", "/var", "/tmp", home, real(home)}


def within(path, folder):
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def seen(path):
    # The sandbox has a folder of its own there, in which others can be shown.
    return any(within(path, one) for one in system) and not path.startswith("/dev/shm/")


def parts(prefix):
    return [os.path.join(prefix, name) for name in ("pyvenv.cfg", "bin", "lib", "lib64")]


interpreter = os.path.dirname(os.path.dirname(real(sys.executable)))
own = [*parts(sys.prefix), *parts(sys.base_prefix), *parts(interpreter)]
found = []
for asked in [*own, *sys.path]:
    for path in dict.fromkeys((os.path.normpath(asked), real(asked))):
        if not os.path.isabs(asked) or not os.path.exists(path) or seen(path):
            continue
        if any(within(path, one) for one in found):
            continue
        if path in closed or any(within(one, path) for one in (application, real(application), home)):
            continue
        if asked not in own and any(within(path, one) for one in (application, real(application))):
            continue
        if re.fullmatch("(/[A-Za-z0-9_@%+,.-]+)+", path) is None:
            sys.exit("not a path for a sandbox: " + ascii(path))
        found.append(path)
print("\\n".join(found))
"""
"""A program for the environment's own interpreter: prints the folders and files outside of the system's own that it
needs, one a line. Its arguments are the application's folder and the account's home.

Of the environment and of the interpreter's installation that are `bin`, `lib` and `pyvenv.cfg`; of other folders that
the environment names, those that hold neither the application nor the account's home. What lies in the application's
folder is the commit's own.
"""
