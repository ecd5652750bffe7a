"""An operations file for the demonstration's application."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from bot.demo.application.application import Application
from bot.demo.host.host import DemoHost

OPS_PASSWORD = "COMPTE_DB_PASSWORD"

PEOPLE = {"engineers": ["U0AMELIE", "U0BOB"], "releasers": ["U0BOB", "S0RELEASE"], "dbas": ["U0DBA"]}

PRODUCTION: dict[str, Any] = {
    "run": {
        "deploy": ["engineers"],
        "rollback": ["releasers"],
        "backup": ["engineers"],
        "restore": ["releasers"],
        "migrate-status": ["anyone"],
    },
    "approve": {
        "deploy": {"count": 1, "from": ["releasers"], "expires": "30m"},
        "rollback": {"count": 1, "from": ["releasers"], "expires": "30m"},
        "restore": {"count": 2, "from": ["releasers", "dbas"], "expires": "30m"},
        "destructive-migration": {"count": 2, "from": ["releasers", "dbas"], "expires": "30m"},
    },
    "backup_before": {"deploy": "if-migrations", "rollback": "always"},
}

RELAXED: dict[str, Any] = {
    "run": {
        "deploy": ["anyone"],
        "rollback": ["anyone"],
        "backup": ["anyone"],
        "restore": ["engineers"],
        "migrate-status": ["anyone"],
    },
    "approve": {},
}


def operations(
    host: DemoHost,
    application: Application,
    *,
    health_url: str | None = None,
    policy: Mapping[str, Any] = PRODUCTION,
    ssh_port: int | None = None,
    database_port: int | None = None,
    services: Sequence[str] = ("php8.2-fpm",),
    maintenance: str = "if-migrations",
    schedule: str | None = None,
    keep: Mapping[str, int] | None = None,
    scratch: bool = True,
    backups: Mapping[str, Any] | None = None,
    root: Path | None = None,
    watch: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The operations file of app `compte`, environment `production`, host `web1`, channel `C0OPS`.

    Args:
        host: the SSH server.
        application: the application on it.
        health_url: `web.health_url`; left out if None.
        policy: content of the policy `production`: `PRODUCTION`, `RELAXED` or your own.
        ssh_port: another port to reach the host, for example of a wire.
        database_port: another port to reach the database, for example of a wire.
        services: units to restart.
        maintenance: `never`, `if-migrations` or `always`.
        scratch: whether migrations may be rehearsed and backups proven on a copy.
        schedule: of backups, a cron expression; none if None.
        keep: how many backups of each kind; a usual number if None.
        backups: more of the section `backups`, such as `alert`; with a `store`, nothing is kept on the host.
        root: the folder with the application's releases; None for its checkout.
        watch: what is watched after a deploy; nothing if None.

    Returns:
        A fresh dict, for `write_operations`; the password in it is `${COMPTE_DB_PASSWORD}`.
    """
    database = application.database
    variables: dict[str, Any] = {"services": list(services), "maintenance": maintenance}
    if health_url is not None:
        variables["health_url"] = health_url
    rules = deepcopy(dict(policy))
    usual = PRODUCTION["approve"]["destructive-migration"]
    if not scratch and rules.get("approve", {}).get("destructive-migration") == usual:
        # What is not rehearsed needs the approvals of a destructive migration; most tests are about something else.
        del rules["approve"]["destructive-migration"]
    production = {
        "policy": "production",
        "hosts": ["web1"],
        "path": str(application.path if root is None else root),
        **({"layout": "releases"} if root is not None else {}),
        "branch": "main",
        **({"watch": dict(watch)} if watch is not None else {}),
        "database": {
            "via": "web1",
            "host": database.host,
            "port": database_port or database.port,
            "name": database.name,
            "user": database.user,
            "password": f"${{{OPS_PASSWORD}}}",
            "scratch": scratch,
        },
        "backups": {
            **({"directory": str(application.backups)} if "store" not in (backups or {}) else {}),
            "keep": dict(keep or {"daily": 7, "weekly": 4, "monthly": 6}),
            **({"schedule": schedule} if schedule is not None else {}),
            **(backups or {}),
        },
        "vars": variables,
    }
    return deepcopy(
        {
            "version": 1,
            "people": PEOPLE,
            "hosts": {
                "web1": {
                    "address": host.address,
                    "port": ssh_port or host.port,
                    "user": host.user,
                    "key": str(host.key),
                    "known_hosts": str(host.known_hosts),
                }
            },
            "policies": {"production": rules},
            "apps": {
                "compte": {"recipe": "laravel", "channels": ["C0OPS"], "environments": {"production": production}}
            },
        }
    )


def write_operations(folder: Path, content: Mapping[str, Any], name: str = "ops.yaml") -> Path:
    """Write an operations file.

    Args:
        folder: where to.
        content: from `operations`, perhaps altered.
        name: its name.

    Returns:
        Its path.
    """
    file = folder / name
    with file.open("w") as stream:
        YAML(typ="safe").dump(dict(content), stream)
    return file
