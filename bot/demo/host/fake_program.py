"""A command of the demonstration host: logged, made to fail or wait if so set, then simulated or really run.

Runs as a program of its own (standard library only, started with `python -I -S`) from a small script of the
command's name in the host's `bin` folder:

    stand_in.py HOST_FOLDER NAME [ARGUMENT…]

First one JSON line with `time` (seconds since 1970), `argv`, `cwd` and `pid` is appended to the host's
`ledger.jsonl`; then `behaviours.json` decides whether this command waits or fails. `sudo`, `systemctl`,
`composer` and `npm` are simulated here: the demonstration must neither touch the machine's services nor need a
network. Any other command is really run: the program of that name which comes next on PATH takes this process over,
so the recorded process id stays its own.
"""

import hashlib
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

AUTOLOAD = """<?php

// Debian's Laravel in place of the packages that Composer would have downloaded.
require_once '/usr/share/php/Illuminate/autoload.php';

spl_autoload_register(static function (string $class): void {
    foreach (['App\\\\' => 'app', 'Database\\\\Seeders\\\\' => 'database/seeders'] as $prefix => $folder) {
        if (strncmp($class, $prefix, strlen($prefix)) === 0) {
            $relative = str_replace('\\\\', '/', substr($class, strlen($prefix)));
            $file = dirname(__DIR__) . "/$folder/$relative.php";
            if (is_file($file)) {
                require $file;
            }
        }
    }
});
"""


def _record(host: Path, argv: list[str]) -> None:
    line = json.dumps({"time": time.time(), "argv": argv, "cwd": str(Path.cwd()), "pid": os.getpid()}) + "\n"
    ledger = os.open(host / "ledger.jsonl", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(ledger, line.encode())
    os.close(ledger)


def _behave(host: Path, argv: list[str]) -> None:
    """Wait or fail as set in `behaviours.json` for commands that begin with these words."""
    try:
        behaviours = json.loads((host / "behaviours.json").read_text())
    except FileNotFoundError:
        return
    for behaviour in behaviours:
        if argv[: len(behaviour["words"])] == behaviour["words"] and behaviour["cwd"] in (None, str(Path.cwd())):
            while behaviour["until_gone"] and Path(behaviour["until_gone"]).exists():
                time.sleep(0.01)
            if behaviour["exit_status"] is not None:
                sys.stderr.write(behaviour["stderr"] + "\n")
                sys.exit(behaviour["exit_status"])


def _path_without(host: Path) -> str:
    own = str(host / "bin")
    return os.pathsep.join(part for part in os.environ.get("PATH", "").split(os.pathsep) if part != own)


def _really_run(host: Path, argv: list[str]) -> int:
    for folder in _path_without(host).split(os.pathsep):
        program = Path(folder) / argv[0]
        if os.access(program, os.X_OK):
            os.execv(program, argv)  # noqa: S606 - standing in for exactly this program
    sys.stderr.write(f"{argv[0]}: not found\n")
    return 127


def _sudo(host: Path, argv: list[str]) -> int:
    del host
    words = argv[1:]
    while words and words[0].startswith("-"):
        taken = 2 if words[0] in ("-u", "-g") else 1
        last = words[0] == "--"
        words = words[taken:]
        if last:
            break
    if not words:
        return 0
    try:
        os.execvp(words[0], words)  # noqa: S606 - what sudo does
    except OSError:
        sys.stderr.write(f"sudo: {words[0]}: command not found\n")
        return 1


def _systemctl(host: Path, argv: list[str]) -> int:
    words = [word for word in argv[1:] if not word.startswith("-")]
    action, units = (words[0], words[1:]) if words else ("list-units", [])
    failing = [unit for unit in units if (host / "units" / unit.removesuffix(".service")).exists()]
    if action in ("is-active", "is-failed"):
        for unit in units:
            print("failed" if unit in failing else "active")
        return 3 if bool(failing) == (action == "is-active") else 0
    if action in ("restart", "reload", "start", "try-restart", "reload-or-restart") and failing:
        for unit in failing:
            name = unit.removesuffix(".service")
            sys.stderr.write(f"Job for {name}.service failed because the control process exited with error code.\n")
        return 1
    return 0


def _composer(host: Path, argv: list[str]) -> int:
    del host
    words = [word for word in argv[1:] if not word.startswith("-")]
    if not words:
        print("Composer version 2.5.5 (stand-in of the demonstration)")
        return 0
    if words[0] not in ("install", "dump-autoload", "dumpautoload"):
        sys.stderr.write(f"composer: the demonstration's stand-in does not know {words[0]!r}\n")
        return 1
    try:
        lock = Path("composer.lock").read_bytes()
        packages = json.loads(lock)["packages"]
    except (OSError, ValueError, KeyError) as error:
        sys.stderr.write(f"composer.lock cannot be read: {error}\n")
        return 1
    installed = Path("vendor/composer/installed.json")
    wanted = json.dumps({"packages": packages, "dev": False, "lock": hashlib.sha256(lock).hexdigest()}, indent=4) + "\n"
    print("Installing dependencies from lock file\nVerifying lock file contents can be installed on current platform.")
    if installed.is_file() and installed.read_text() == wanted and Path("vendor/autoload.php").is_file():
        print("Nothing to install, update or remove")
    else:
        print(f"Package operations: {len(packages)} installs, 0 updates, 0 removals")
        for package in packages:
            print(f"  - Installing {package['name']} ({package['version']}): Extracting archive")
    print("Generating optimized autoload files")
    installed.parent.mkdir(parents=True, exist_ok=True)
    Path("vendor/autoload.php").write_text(AUTOLOAD)
    installed.write_text(wanted)
    return 0


def _npm(host: Path, argv: list[str]) -> int:
    del host
    words = [word for word in argv[1:] if not word.startswith("-")]
    if not words:
        print("9.2.0")
        return 0
    if words[0] in ("ci", "install"):
        return _npm_ci()
    if words[:2] == ["run", "build"]:
        return _npm_build()
    sys.stderr.write(f"npm: the demonstration's stand-in does not know {' '.join(words)!r}\n")
    return 1


def _npm_ci() -> int:
    try:
        lock = Path("package-lock.json").read_bytes()
        packages = [name for name in json.loads(lock)["packages"] if name]
    except (OSError, ValueError, KeyError) as error:
        sys.stderr.write(
            f"npm ERR! The `npm ci` command can only install with an existing package-lock.json: {error}\n"
        )
        return 1
    Path("node_modules").mkdir(exist_ok=True)
    Path("node_modules/.package-lock.json").write_bytes(lock)
    print(f"added {len(packages)} packages in 1s")
    return 0


def _npm_build() -> int:
    if not Path("node_modules/.package-lock.json").is_file():
        sys.stderr.write("sh: 1: vite: not found\n")
        return 127
    manifest = {}
    for source in sorted(path for path in Path("resources").glob("[cj]s*/*") if path.is_file()):
        content = source.read_bytes()
        built = Path("assets") / f"{source.stem}-{hashlib.sha256(content).hexdigest()[:8]}{source.suffix}"
        (Path("public/build") / built).parent.mkdir(parents=True, exist_ok=True)
        (Path("public/build") / built).write_bytes(content)
        manifest[str(source)] = {"file": str(built), "src": str(source)}
    Path("public/build").mkdir(parents=True, exist_ok=True)
    Path("public/build/manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")
    print(f"✓ {len(manifest)} modules transformed.\npublic/build/manifest.json")
    return 0


_ACTED: dict[str, Callable[[Path, list[str]], int]] = {
    "sudo": _sudo,
    "systemctl": _systemctl,
    "composer": _composer,
    "npm": _npm,
}


def main() -> int:
    """Record, behave, then act the command or really run it; the exit status is the command's."""
    host, argv = Path(sys.argv[1]), sys.argv[2:]
    _record(host, argv)
    _behave(host, argv)
    return _ACTED.get(argv[0], _really_run)(host, argv)


if __name__ == "__main__":
    sys.exit(main())
