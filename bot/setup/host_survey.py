"""What a host answers about itself: one script that looks, and what it printed as values."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import unquote, urlsplit

from dotenv import dotenv_values

from bot.domain.secrets import Secret
from bot.domain.shell import Command, Syntax, assignments
from bot.hosts.look_answer import parse_sections


class Framework(StrEnum):
    """What a checkout is an application of; the value is the name of its built-in recipe."""

    LARAVEL = "laravel"
    DJANGO = "django"
    ALEMBIC = "alembic"
    OTHER = "shell"


@dataclass(frozen=True)
class AppDatabase:
    """The application's own account, as its `.env` has it.

    Args:
        connection: `mysql`, `mariadb` or another driver; empty where the file does not say.
        host: as seen from the host of the application.
        port: of the server.
        name: of the database.
        user: of the account.
        password: of the account.
    """

    connection: str
    host: str
    port: int
    name: str
    user: str
    password: Secret


@dataclass(frozen=True)
class Checkout:
    """An application that was found.

    Args:
        path: of its folder.
        framework: by the file that was found in it.
        trouble: why git does not read the folder; empty where it does, or `none` where it is no checkout at all.
        branch: that is checked out; empty where none is.
        origin: where it is cloned from, without a password; empty where nowhere.
        origin_trouble: why the origin does not answer without a person; empty where it does.
        database: of the application; None where its `.env` names none, or cannot be read.
        env_trouble: why `.env` was not read; empty where it was.
        url: of the application; empty where `.env` does not say.
        owner: of the folder.
        written_by: who owns `storage` or what the application writes; empty where there is nothing.
    """

    path: str
    framework: Framework
    trouble: str = ""
    branch: str = ""
    origin: str = ""
    origin_trouble: str = ""
    database: AppDatabase | None = None
    env_trouble: str = ""
    url: str = ""
    owner: str = ""
    written_by: str = ""


@dataclass(frozen=True)
class Survey:
    """What a host says of itself.

    Args:
        user: who looked.
        home: of that account.
        php: version of `php`, such as `8.2.29`; empty where there is none.
        units: of systemd that have to do with applications, sorted.
        systemctl: its path; empty where there is none.
        database_program: what the client says of its version.
        web_users: who runs the web server and PHP-FPM.
        has_deploy_key: whether the account has a key of its own.
        checkouts: that were found.
    """

    user: str
    home: str
    php: str
    units: tuple[str, ...]
    systemctl: str
    database_program: str
    web_users: tuple[str, ...]
    has_deploy_key: bool
    checkouts: tuple[Checkout, ...] = field(default=())

    @property
    def php_fpm(self) -> tuple[str, ...]:
        """The units of PHP-FPM; where several are installed, those of the version of `php` alone."""
        found = tuple(unit for unit in self.units if re.fullmatch(r"php[\d.]*-?fpm[\d.]*", unit))
        version = ".".join(self.php.split(".")[:2])
        return tuple(unit for unit in found if version and version in unit) or found

    @property
    def others(self) -> tuple[str, ...]:
        """The other units: web servers, workers."""
        return tuple(unit for unit in self.units if unit not in self.php_fpm)

    @property
    def vendor(self) -> str:
        """`MariaDB` or `MySQL`, by the client that is installed; empty where there is none."""
        if not self.database_program:
            return ""
        return "MariaDB" if "mariadb" in self.database_program.lower() else "MySQL"


class IncompleteSurveyError(Exception):
    """The answer was cut off."""


_FILES = {"artisan": Framework.LARAVEL, "manage.py": Framework.DJANGO, "alembic.ini": Framework.ALEMBIC}
_UNITS = re.compile(
    r"(?:php[\d.]*-?fpm[\d.]*|nginx|apache2|httpd|caddy|supervisord?|.*(?:horizon|queue|worker|octane|reverb|gunicorn|uwsgi).*)"
)
_SQL = frozenset({"", "mysql", "mariadb"})

# Nothing of the application runs, and nothing is changed. Of `.env` only the lines about the database and the address
# leave the host.
_SURVEY = r"""
LC_ALL=C GIT_OPTIONAL_LOCKS=0 GIT_TERMINAL_PROMPT=0 GIT_SSH_COMMAND='ssh -o BatchMode=yes -o ConnectTimeout=8'
export LC_ALL GIT_OPTIONAL_LOCKS GIT_TERMINAL_PROMPT GIT_SSH_COMMAND
section() { printf '%s:%s\0' "$nonce" "$1"; }
value() { printf '%s\0' "$1"; }
at_most() {
  if command -v timeout >/dev/null 2>&1; then timeout "$@"; else shift; "$@"; fi
}
section host
value "$(id -un)"
value "$HOME"
value "$(command -v php >/dev/null 2>&1 && php -r 'echo PHP_VERSION;' 2>/dev/null </dev/null)"
value "$(command -v systemctl 2>/dev/null)"
value "$(for tool in mariadb mysql; do
  if command -v "$tool" >/dev/null 2>&1; then "$tool" --no-defaults --version 2>/dev/null; break; fi
done)"
value "$(for key in "$HOME"/.ssh/id_*.pub; do [ -f "$key" ] && echo yes && break; done)"
section units
{
  systemctl list-unit-files --type=service --no-legend --no-pager 2>/dev/null
  systemctl list-units --all --type=service --no-legend --no-pager --plain 2>/dev/null
  ls /etc/systemd/system /lib/systemd/system 2>/dev/null
} | sed -n 's/^[^A-Za-z]*\([A-Za-z0-9@._-]*\)\.service.*/\1/p' | sort -u | while read -r unit; do value "$unit"; done
section web-users
ps -eo user=,comm= 2>/dev/null | while read -r user name; do
  case $name in php-fpm* | nginx* | apache2* | httpd*) [ "$user" = root ] || echo "$user" ;; esac
done | sort -u | while read -r user; do value "$user"; done
look_at() {
  folder=$1
  section checkout
  value "$folder"
  for file in artisan manage.py alembic.ini; do [ -f "$folder/$file" ] && break; file=; done
  value "$file"
  said= branch= origin= answer=
  if ! command -v git >/dev/null 2>&1; then
    said='git is not installed'
  elif [ ! -e "$folder/.git" ]; then
    said=none
  elif said=$(git -C "$folder" rev-parse --git-dir 2>&1); then
    said=
    branch=$(git -C "$folder" symbolic-ref --quiet --short HEAD 2>/dev/null)
    origin=$(git -C "$folder" config --get remote.origin.url 2>/dev/null)
    if [ -n "$origin" ]; then
      answer=$(at_most 15 git -C "$folder" ls-remote --exit-code origin HEAD 2>&1 >/dev/null </dev/null) && answer= ||
        answer=${answer:-it does not answer}
    fi
  fi
  value "$said"
  value "$branch"
  value "$origin"
  value "$(printf '%s' "$answer" | tail -n 2)"
  env= why=
  if [ ! -e "$folder/.env" ]; then
    why=none
  elif [ ! -r "$folder/.env" ]; then
    why="$(id -un) may not read $folder/.env"
  else
    env=$(grep -E '^[[:space:]]*(export[[:space:]]+)?(DB_[A-Z]+|DATABASE_URL|APP_URL)=' "$folder/.env" 2>/dev/null)
  fi
  value "$why"
  value "$env"
  value "$(ls -ld "$folder" 2>/dev/null | awk '{ print $3 }')"
  value "$(ls -ld "$folder/storage/logs" 2>/dev/null | awk '{ print $3 }')"
}
if [ -n "$wanted" ]; then
  look_at "$wanted"
else
  at_most 25 find /var/www /srv /opt /home "$HOME" -maxdepth 4 \
    \( -name node_modules -o -name vendor -o -name .git -o -name .cache \) -prune -o \
    -type f \( -name artisan -o -name manage.py -o -name alembic.ini \) -print 2>/dev/null |
    sed 's|/[^/]*$||' | sort -u | head -n 20 | while IFS= read -r found; do look_at "$found"; done
fi
section end
"""


def survey_command(nonce: str, path: str) -> Command:
    """Write the script that looks at a host.

    Args:
        nonce: a random name that marks the beginnings of sections.
        path: of the application; empty to look for applications where they usually lie.
    """
    return Command((*assignments({"nonce": nonce, "wanted": path.rstrip("/")}), Syntax(_SURVEY)))


def parse_survey(answer: bytes, nonce: str) -> Survey:
    """Read what the script printed.

    Args:
        answer: its standard output; what a login shell printed before it is skipped.
        nonce: what the script was given.

    Raises:
        IncompleteSurveyError: the answer was cut off.
    """
    mark = f"{nonce}:checkout".encode()
    # Each application has a section of the same name.
    first, *rest = answer.split(mark + b"\0")
    last, ended, _ = (rest[-1] if rest else first).partition(f"{nonce}:end\0".encode())
    if not ended:
        raise IncompleteSurveyError
    if rest:
        rest[-1] = last
    sections = parse_sections(first, nonce)
    user, home, php, systemctl, program, key, *_ = (*sections.get("host", ()), *[""] * 6)
    return Survey(
        user=user,
        home=home,
        php=php if re.fullmatch(r"[\w.+~-]{1,40}", php) else "",
        units=tuple(unit for unit in sections.get("units", ()) if _UNITS.fullmatch(unit) and "@" not in unit),
        systemctl=systemctl if systemctl.startswith("/") else "",
        database_program=program,
        web_users=sections.get("web-users", ()),
        has_deploy_key=key == "yes",
        checkouts=tuple(_checkouts(rest)),
    )


def _checkouts(parts: Iterable[bytes]) -> Iterable[Checkout]:
    for part in parts:
        values = [item.decode(errors="replace") for item in part.split(b"\0")]
        if len(values) < 10:
            continue
        path, file, trouble, branch, origin, answer, env_trouble, env, owner, written_by = values[:10]
        named = dotenv_values(stream=io.StringIO(env), interpolate=False)
        variables = {name: value for name, value in named.items() if value is not None}
        yield Checkout(
            path=path,
            framework=_FILES.get(file, Framework.OTHER),
            trouble=" ".join(trouble.split()),
            branch=branch,
            origin=_without_password(origin),
            origin_trouble=_without_password(" ".join(answer.split())),
            database=_database(variables),
            env_trouble=env_trouble,
            url=_public_url(variables.get("APP_URL", "")),
            owner=owner,
            written_by=written_by,
        )


def _without_password(text: str) -> str:
    return re.sub(r"(\w+://)[^/@\s]+@", r"\1", text)


def _database(variables: Mapping[str, str]) -> AppDatabase | None:
    url = variables.get("DATABASE_URL", "")
    if variables.get("DB_CONNECTION", "") not in _SQL:
        return None
    if not variables.get("DB_DATABASE") and url:
        return _from_url(url)
    if not variables.get("DB_DATABASE"):
        return None
    port = variables.get("DB_PORT", "")
    return AppDatabase(
        connection=variables.get("DB_CONNECTION", ""),
        host=_address(variables.get("DB_HOST", "")),
        port=int(port) if port.isascii() and port.isdigit() else 3306,
        name=variables["DB_DATABASE"],
        user=variables.get("DB_USERNAME", ""),
        password=Secret(variables.get("DB_PASSWORD", "")),
    )


def _from_url(text: str) -> AppDatabase | None:
    try:
        parts = urlsplit(text)
        port = parts.port or 3306
    except ValueError:
        return None
    name = parts.path.strip("/")
    if not parts.scheme.startswith(("mysql", "mariadb")) or not name:
        return None
    user, password = unquote(parts.username or ""), Secret(unquote(parts.password or ""))
    return AppDatabase("mysql", _address(parts.hostname or ""), port, name, user, password)


def _address(host: str) -> str:
    """Give where the server listens: `localhost` means its socket, which no tunnel leads to."""
    return "127.0.0.1" if host in {"", "localhost"} else host


def _public_url(text: str) -> str:
    try:
        parts = urlsplit(text)
    except ValueError:
        return ""
    known = parts.scheme in {"http", "https"} and parts.hostname not in {None, "localhost", "127.0.0.1"}
    return text if known and not parts.username and not re.search(r"[\s$]", text) else ""
