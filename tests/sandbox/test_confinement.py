"""What code in a sandbox reaches of its host: canaries everywhere, and none of them touched."""

import http.server
import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bot.sandbox.plan import CodeBox
from bot.sandbox.results import FileAct
from bot.sandbox.server import Endpoint
from tests.sandbox.support.bench import AT, LIVE_ENV, SYSTEM_PATH, Bench, own, server

DECOYS_OF_A_HOME = [
    ".aws", ".bash_history", ".bashrc", ".composer", ".config", ".docker", ".env", ".git-credentials", ".gitconfig",
    ".kube", ".my.cnf", ".mylogin.cnf", ".netrc", ".npmrc", ".pgpass", ".profile", ".ssh",
]  # fmt: skip


@dataclass
class Sinks:
    """Listeners of the host: whoever reaches one is noted."""

    http: int = 0
    database: int = 0
    abstract: str = ""
    path: str = ""
    reached: list[str] = field(default_factory=list)


@pytest.fixture
def sinks(host: Bench) -> Iterator[Sinks]:
    made = Sinks()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.reached.append(f"http {self.path}")
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.http = web.server_address[1]
    made.abstract = f"countersign-canary-{host.home.name}"
    made.path = str(host.home / "live" / "host.sock")
    database = socket.create_server(("127.0.0.1", 0))
    made.database = database.getsockname()[1]
    listeners = [database]
    for address in ("\0" + made.abstract, made.path):
        one = socket.socket(socket.AF_UNIX)
        one.bind(address)
        one.listen()
        listeners.append(one)
    Path(made.path).chmod(0o777)

    def accept(one: socket.socket) -> None:
        try:
            while True:
                one.accept()
                made.reached.append(repr(one.getsockname()))
        except OSError:
            return

    threads = [threading.Thread(target=accept, args=(one,), daemon=True) for one in listeners]
    threads.append(threading.Thread(target=web.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True))
    for thread in threads:
        thread.start()
    yield made
    web.shutdown()
    web.server_close()
    for one in listeners:
        one.shutdown(socket.SHUT_RDWR)
        one.close()
    for thread in threads:
        thread.join()


ATTACK = """
read_file() { [ -f "$1" ] && said=$(cat "$1" 2>/dev/null) && [ "$said" != sandbox ] && echo "READ $1"; }
write_file() { (echo hacked >>"$1") 2>/dev/null && echo "WROTE $1"; }
for file in {at}/own {live}/.env {live}/index.php {home}/other {home}/.local \
  /root/.bashrc /root /home /var/lib/dpkg /var/lib/mysql/ibdata1 /var/log /var/www/../log /etc/shadow \
  /etc/ssl/private /etc/mysql /etc/hostname /etc/ssh /run/docker.sock /var/run/docker.sock \
  /sandbox/server /sandbox/run /sys/kernel \
  /proc/1/root{live}/.env /proc/self/root{live}/.env /srv /opt /mnt /boot; do
  read_file "$file"; echo "in $file:" $(ls -A "$file" 2>/dev/null); write_file "$file"
done
for file in /new /usr/new /etc/hosts /etc/new /dev/new /run/new \
  /sandbox/commands/attack /sandbox/new /proc/sys/kernel/core_pattern; do
  write_file "$file"
done
rm -f /run/mysqld/mysqld.sock && echo "REMOVED socket"
printf 'processes %s\\n' "$(ls -d /proc/[0-9]* | wc -l)"
cat /proc/*/cmdline 2>/dev/null | tr '\\0' ' ' | grep -o -E 'mariadbd|bwrap .*server|pytest' | head -n 1
for open in /proc/self/fd/*; do printf 'descriptor %s\\n' "$(readlink "$open")"; done
grep -E '^(CapEff|CapBnd|CapInh|CapAmb|NoNewPrivs)' /proc/self/status | tr -s '\\t\\n' ' '; echo
env | sort | tr '\\n' ' '; echo
[ -w /proc/1/oom_score_adj ] || true
mkdir m && mount -t tmpfs none m 2>/dev/null && echo "MOUNTED"
unshare --user --map-root-user sh -c 'mount -t tmpfs none m && echo x >m/x' 2>/dev/null && echo "MOUNTED in a namespace"
setpriv --reuid 0 true 2>/dev/null && echo "BECAME 0"
chroot / true 2>/dev/null && echo "CHROOTED"
kill -9 -1 2>/dev/null; true
"""

NETWORK = """<?php
foreach (['127.0.0.1:{http}', '{outside}:{http}',
          '192.0.2.1:443', '169.254.169.254:80', '8.8.8.8:53', '127.0.0.1:22', '127.0.0.1:6379'] as $to) {{
    [$host, $port] = explode(':', $to);
    $open = @fsockopen($host, (int) $port, $code, $why, 1);
    if ($open) {{ fwrite($open, "GET /canary HTTP/1.0\\r\\n\\r\\n"); echo "REACHED $to\\n"; }}
}}
foreach (["\\0{abstract}", '{path}', '/run/docker.sock', '/run/dbus/system_bus_socket'] as $path)
    if (@stream_socket_client("unix://$path", $code, $why, 1)) echo "REACHED $path\\n";
if (gethostbyname('example.com') !== 'example.com') echo "RESOLVED\\n";
$udp = @stream_socket_client('udp://192.0.2.1:53'); if ($udp && @fwrite($udp, 'x')) echo "SENT\\n";
$greeting = fread(fsockopen('127.0.0.1', {database}), 100);
echo strpos($greeting, 'MariaDB') !== false ? "the private server\\n" : "another server\\n";
"""


def test_no_canary_is_touched(host: Bench, sinks: Sinks) -> None:
    (host.live / "index.php").write_text("live")
    (host.live / "index.php").chmod(0o666)
    (host.home / "other").write_text("another user's")
    (host.home / "other").chmod(0o666)
    (host.live / ".env").write_text(LIVE_ENV + f"DB_PORT={sinks.database}\n")
    before = {path: path.read_bytes() for path in host.live.iterdir() if path.is_file()}
    bystander_process = bystander(host)
    places = {"at": AT, "home": str(host.home), "live": str(host.live)}
    attack = ATTACK
    for name, value in places.items():
        attack = attack.replace("{" + name + "}", value)
    outside = socket.gethostbyname(socket.gethostname())
    network = NETWORK.format(
        http=sinks.http, database=sinks.database, abstract=sinks.abstract, path=sinks.path, outside=outside
    )
    work = {"own": "content", "attack": attack, "network.php": network}
    body = "sandbox_run attack 60 'sh attack'\nsandbox_run network 60 'php network.php'"
    done = host.run(host.sandbox(server()), body, work)
    lines = done["attack"].output.splitlines()
    wrong = [line for line in lines if line.split(" ")[0].isupper() and "_" not in line.split("=")[0]]
    # The first two show that what would be seen is noted.
    written = [line.removeprefix("WROTE ") for line in wrong if line.startswith("WROTE ")]
    seen = [line for line in wrong if not line.startswith("WROTE ")]
    assert seen == [f"READ {AT}/own", "READ /var/run/docker.sock"], "the latter is what it has just written"
    # Beside the application's folder it writes to a folder of the sandbox.
    assert {f"{AT}/own", "/new", "/etc/new", "/etc/shadow", "/run/new", "/root/.bashrc"} <= set(written)
    assert not [path for path in written if path.startswith(("/usr", "/dev", "/proc", "/sandbox/commands"))]
    assert "/etc/hosts" not in written
    assert not [path for path in written if Path(path).is_file() and "hacked" in Path(path).read_text(errors="replace")]
    listed = dict(line.removeprefix("in ").split(":", 1) for line in lines if line.startswith("in "))
    assert {folder: names.split() for folder, names in listed.items() if names and not names.endswith(folder)} == {
        "/root": DECOYS_OF_A_HOME,
        "/etc/ssh": ["ssh_host_ed25519_key", "ssh_host_rsa_key"],
        "/etc/mysql": ["debian.cnf"],
    }
    processes = [line for line in lines if line.startswith("processes ")]
    assert int(processes[0].split()[1]) < 8
    assert not [line for line in lines if line in {"mariadbd", "pytest"}]
    descriptors = {line.removeprefix("descriptor ") for line in lines if line.startswith("descriptor ")}
    assert "/dev/null" in descriptors
    assert {name for name in descriptors if name.startswith(("/", "socket", "anon"))} <= {
        "/dev/null", f"{AT}/attack", f"{host.box}/printed", "/proc/2/fd",
    }  # fmt: skip
    assert "CapInh: 0000000000000000 CapEff: 0000000000000000 CapBnd: 0000000000000000 CapAmb: 0000000000000000" in (
        " ".join(line for line in lines if line.startswith("Cap"))
    )
    assert "NoNewPrivs: 1" in done["attack"].output
    assert done["network"].output == "the private server\n"
    assert sinks.reached == []
    attack_only = [one for one in host.results().touched if one.command == "attack"]
    assert {one.path for one in attack_only if one.act is FileAct.READ} == {"/root/.bashrc", "/etc/shadow"}
    assert {"/", "/etc", "/run", "/etc/shadow"} <= {one.path for one in attack_only if one.act is FileAct.WROTE}
    assert [one for one in host.results().touched if one.command == "network"] == []
    assert {path: path.read_bytes() for path in host.live.iterdir() if path.is_file()} == before
    assert (host.home / "other").read_text() == "another user's"
    assert bystander_process.poll() is None
    bystander_process.kill()
    bystander_process.wait()
    for secret in ("live-password", "live-stripe-secret"):
        assert secret not in done["attack"].output + done["network"].output


def bystander(host: Bench) -> subprocess.Popen[bytes]:
    """A process of the same account."""
    return subprocess.Popen([*host._become(), "sleep", "600"], env={"PATH": SYSTEM_PATH})


def test_the_environment_holds_nothing_of_the_host(host: Bench) -> None:
    os.environ["CANARY"] = "x"
    try:
        done = host.run(host.sandbox(), "export CANARY=secret\nsandbox_run env 5 env")
    finally:
        del os.environ["CANARY"]
    names = {line.partition("=")[0] for line in done["env"].output.splitlines()}
    assert names == {"PATH", "HOME", "TMPDIR", "USER", "LOGNAME", "LANG", "TERM", "SHELL", "PWD", "OLDPWD"}


def test_links_of_the_commit_lead_nowhere(host: Bench) -> None:
    body = "sandbox_run see 5 'cat secret link/.env; cat .env | grep -c =; echo hacked >link/.env; echo hacked >.env'"
    text = host.text(host.sandbox(), body).replace(
        "sandbox_start ||",
        f'ln -s {host.live}/.env "$sandbox_work/secret"; ln -s {host.live} "$sandbox_work/link"; '
        f'ln -s {host.live}/.env "$sandbox_work/.env"\nsandbox_start ||',
        1,
    )
    told = host.say(text)
    (done,) = host.results().commands
    assert "live-password" not in done.output + told
    assert (host.live / ".env").read_text() == LIVE_ENV
    assert (host.live / ".env").stat().st_uid == host.uid


@pytest.mark.parametrize("way", ["/oldroot", ""], ids=["where bubblewrap sees the host", "plainly"])
def test_a_link_that_one_command_leaves_leads_the_next_box_nowhere(host: Bench, way: str) -> None:
    environment, target = host.live / "venv" / "bin", host.home / "target"
    for folder in (environment, target):
        folder.mkdir(parents=True)
        own(host.uid, folder)
    socket_at, at = "/tmp/sockets/s", str(host.live)
    sandbox = host.sandbox(server(endpoint=Endpoint(sockets=(socket_at,))), code=CodeBox(at, None, (f"{at}/venv/bin",)))
    leave = f"mv venv a && ln -s {way}{target} venv && cd /tmp && mv sockets b && ln -s {way}{target} sockets"
    go = f"test -d venv/bin && test -S {socket_at}"
    done = host.run(sandbox, f"sandbox_run leave 20 '{leave}'\nsandbox_run go 20 '{go}'")
    assert (done["leave"].well, done["go"].well) == (True, True), done
    assert list(target.iterdir()) == []


def test_a_file_shared_with_the_live_checkout_is_refused(some_host: Bench) -> None:
    (some_host.live / "index.php").write_text("live")
    os.chown(some_host.live / "index.php", some_host.uid, -1)
    text = some_host.text(some_host.sandbox(), "sandbox_run never 5 true").replace(
        "sandbox_start ||",
        f'mkdir "$sandbox_work/a"; ln {some_host.live}/index.php "$sandbox_work/a/"\nsandbox_start ||',
        1,
    )
    some_host.say(text)
    refusal = some_host.results().refusal
    assert refusal is not None
    assert (refusal.obstacle.value, refusal.detail) == ("hard_links", "a/index.php is a hard link")
