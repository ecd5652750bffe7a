"""The first path of docs/setup.md, line by line, as root in a machine of its own as far as one can be made here.

Accounts, files in /etc, sshd, the logins and `countersign init` and `check` are real; the clone, Debian's packages,
`make setup`, the database, sudo's own check and systemd are stand-ins that record what they were given.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SETUP = ROOT / "docs" / "setup.md"
FRENCH = ROOT / "docs" / "fr" / "installation.md"


def blocks(page: Path, heading: str) -> list[str]:
    """Give the commands of a section of a page."""
    [path] = re.findall(rf"^## {heading}.*?(?=^## )", page.read_text(), re.MULTILINE | re.DOTALL)
    found = re.findall(r"^ *```sh\n(.*?)^ *```", path, re.MULTILINE | re.DOTALL)
    return [re.sub(r"^ {3,4}", "", block, flags=re.MULTILINE) for block in found]


BLOCKS = blocks(SETUP, "One server")

_UNSHARE = ["unshare", "--mount", "--net", "--pid", "--fork"]
_STAND_INS = {
    "git": f"""
[ "$1" = clone ] || exec /usr/bin/git "$@"
mkdir -p "$3/.venv/bin"
cp -r '{ROOT}/docs' "$3/docs"
cat > "$3/.venv/bin/countersign" <<'END'
#!/bin/sh
export PYTHONPATH='{ROOT}' PYTHONDONTWRITEBYTECODE=1 SLACK_BOT_TOKEN=xoxb-1-2 SLACK_APP_TOKEN=xapp-1-2
if [ "$1" = doctor ]; then
  timeout 100 '{sys.executable}' -m bot "$@" > data.doctor 2>&1 || :
  exit
fi
exec '{sys.executable}' -m bot "$@" </dev/null
END
chmod 755 "$3/.venv/bin/countersign"
""",
    "apt-get": "true",
    "make": "true",
    "visudo": "true",
    "systemctl": 'echo "systemctl $*" >> /srv/recorded',
    "mariadb": "cat >> /srv/sql",
}

_MACHINE = r"""
set -eu
ip link set lo up
for each in etc srv home var run root python; do mkdir "$1/$each"; done
cp -a /etc/. "$1/etc"
case $2 in /root/*) # where other accounts cannot read it
  mount --bind "$2" "$1/python"
  mount --bind "$1/root" /root
  mkdir -p "$2"
  mount --bind "$1/python" "$2"
esac
for each in etc srv home var run; do mount --bind "$1/$each" "/$each"; done
mkdir -p /var/tmp /var/log /var/mail /var/backups /var/www/compte /run/sshd /etc/sudoers.d /etc/systemd/system
useradd --create-home --shell /bin/sh deploy
usermod --password '*' deploy
cd /var/www/compte
git init -q -b main .
touch artisan
printf 'DB_CONNECTION=mysql\nDB_DATABASE=compte\nDB_USERNAME=compte\nDB_PASSWORD=not-for-the-bot\n' > .env
chown -R deploy: .
rm -f /etc/ssh/ssh_host_*
ssh-keygen -q -A # a key of each kind, as Debian's package makes them
/usr/sbin/sshd -f /dev/null -o HostKey=/etc/ssh/ssh_host_rsa_key -o HostKey=/etc/ssh/ssh_host_ecdsa_key \
  -o HostKey=/etc/ssh/ssh_host_ed25519_key -o PidFile=none -o ListenAddress=127.0.0.1
cd /
PATH="$1/bin:$PATH"
. "$1/blocks"
cp -a /srv "$1/made"
cp -a /etc/sudoers.d /etc/systemd/system/countersign.service "$1/made"
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def _can() -> bool:
    if os.geteuid() != 0 or not all(shutil.which(tool) for tool in ("unshare", "runuser", "useradd", "ip", "sshd")):
        return False
    # Other accounts must be able to read the program.
    if not all(
        parent.stat().st_mode & 0o5 == 0o5 for start in (ROOT, Path(sys.executable)) for parent in start.parents
    ):
        return False
    return subprocess.run([*_UNSHARE, "true"], capture_output=True).returncode == 0


def test_the_path_has_each_part() -> None:
    text = "\n".join(BLOCKS)
    for part in (
        "useradd",
        "ssh-keygen",
        "sudoers.d",
        "/var/backups",
        "countersign init",
        "GRANT",
        "check",
        "doctor",
        "systemctl enable",
    ):
        assert part in text


def test_it_is_the_same_in_french() -> None:
    assert blocks(FRENCH, "Un serveur") == BLOCKS


def test_its_grants_are_those_that_are_tested() -> None:
    documented = (resources.files("bot.setup") / "grants.sql").read_text()
    granted = re.findall(r"^GRANT .*;$", "\n".join(BLOCKS), re.MULTILINE)
    assert len(granted) == 4
    assert all(line in documented for line in granted)


@pytest.mark.skipif(not _can(), reason="needs root, namespaces and sshd")
def test_the_path_can_be_followed_literally(folder: Path) -> None:
    (folder / "bin").mkdir()
    for name, text in _STAND_INS.items():
        (folder / "bin" / name).write_text(f"#!/bin/sh\n{text}\n")
        (folder / "bin" / name).chmod(0o755)
    (folder / "blocks").write_text("\n".join(BLOCKS))
    ended = subprocess.run(
        [*_UNSHARE, "--kill-child", "--propagation", "private", "sh", "-c", _MACHINE, "sh", folder, sys.base_prefix],
        capture_output=True, text=True, timeout=300, stdin=subprocess.DEVNULL,
        env={"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root"},
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "0 problems" in ended.stdout
    made = folder / "made"
    bot = made / "countersign"
    assert (bot / ".env").stat().st_mode & 0o777 == 0o600
    [password] = re.findall(r"^COMPTE_DB_PASSWORD=(.+)$", (bot / ".env").read_text(), re.MULTILINE)
    assert f"CREATE USER 'countersign'@'127.0.0.1' IDENTIFIED BY '{password}';" in (made / "sql").read_text()
    assert password not in ended.stdout + ended.stderr
    assert "ok    host web1: deploy@127.0.0.1:22, its key is known" in (bot / "data.doctor").read_text()
    assert "main" in (bot / "ops.yaml").read_text()
    assert (made / "recorded").read_text() == "systemctl enable --now countersign\n"
    unit = (made / "countersign.service").read_text()
    assert unit.startswith("[Unit]\n")
    assert unit.rstrip().endswith("WantedBy=multi-user.target")
    # What init would have an administrator add is what the page has.
    rule = (made / "sudoers.d" / "countersign").read_text().strip()
    assert rule.startswith("deploy ALL=(root) NOPASSWD: /usr/bin/systemctl restart php8.2-fpm, ")
    assert rule.replace("/usr/bin/", "") in ended.stdout.replace("/usr/bin/", "").replace(f"{folder}/bin/", "")
