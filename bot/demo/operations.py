"""What the demonstration's bot is configured with: `ops.yaml` and `.env`, as a team would write them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from bot.demo.application.application import BRANCH, Application
from bot.demo.forge import CHECK
from bot.demo.host.host import DemoHost
from bot.demo.workspace import APP_TOKEN, BOT_TOKEN, CHANNEL, ENGINEER, ONCALL, RELEASER, RELEASERS

APP, ENVIRONMENT = "compte", "production"
_PASSWORD, _SECRET = "COMPTE_DB_PASSWORD", "HOOKS_SECRET"


def operations(
    host: DemoHost,
    application: Application,
    ssh_port: int,
    health_url: str,
    scheduled: datetime,
    repository: str,
    receiver: str,
) -> dict[str, Any]:
    """Give the content of `ops.yaml`: engineers may deploy, releasers approve.

    Args:
        host: the SSH server.
        application: the application on it.
        ssh_port: the port of 127.0.0.1 to reach the host; it must be trusted.
        health_url: the page that must answer after a deploy.
        scheduled: at this time of day, UTC, the database is backed up by itself.
        repository: address of the repository's page at the demonstration's forge.
        receiver: address of the program that is told what happens.
    """
    database = application.database
    releasers = {"count": 1, "from": ["releasers"], "expires": "30m"}
    both = {"count": 2, "from": ["releasers", "dbas"], "expires": "30m"}
    policy = {
        "run": {
            "deploy": ["engineers"],
            "rollback": ["engineers", "oncall"],
            "backup": ["engineers"],
            "restore": ["engineers", "oncall"],
            "migrate-status": ["anyone"],
        },
        "approve": {
            "deploy": dict(releasers),
            "rollback": dict(releasers),
            # Whoever of the three asks, the two others can approve.
            "restore": {**both, "from": ["releasers", "dbas", "engineers"]},
            "destructive-migration": dict(both),
            "override": dict(both),
        },
        "emergency": {"from": ["engineers", "oncall"]},
        "decide": ["engineers", "oncall"],
        "backup_before": {"deploy": "if-migrations", "rollback": "always"},
    }
    production = {
        "policy": "production",
        "hosts": ["web1"],
        "path": str(application.path),
        "branch": BRANCH,
        "database": {
            "via": "web1",
            "host": database.host,
            "port": database.port,
            "name": database.name,
            "user": database.user,
            "password": f"${{{_PASSWORD}}}",
            "scratch": True,
        },
        "backups": {
            "directory": str(application.backups),
            "schedule": daily(scheduled),
            "keep": {"daily": 7, "weekly": 4, "monthly": 6},
            "alert": ["oncall"],
        },
        "vars": {"services": ["php8.2-fpm"], "health_url": health_url, "maintenance": "if-migrations"},
    }
    return {
        "version": 1,
        "people": {
            "engineers": [ENGINEER, RELEASER],
            "releasers": [RELEASER, RELEASERS],
            "dbas": [ONCALL],
            "oncall": [ONCALL],
        },
        "hosts": {
            "web1": {
                "address": host.address,
                "port": ssh_port,
                "user": host.user,
                "key": str(host.key),
                "known_hosts": str(host.known_hosts),
            }
        },
        "policies": {"production": policy},
        "apps": {
            APP: {
                "recipe": "laravel",
                "channels": [CHANNEL],
                "repository": repository,
                "checks": [CHECK],
                "environments": {ENVIRONMENT: production},
            }
        },
        "notify": [{"url": receiver, "secret": f"${{{_SECRET}}}", "allow_private": True}],
    }


def daily(at: datetime) -> str:
    """Write the cron expression of a time of day.

    Args:
        at: in the schedule's own time zone.
    """
    return f"{at.minute} {at.hour} * * *"


def environment(
    folder: Path, ops_file: Path, api_url: str, application: Application, language: str, secret: str
) -> dict[str, str]:
    """Give the content of `.env`.

    Args:
        folder: the bot's own folder; its store lies in it.
        ops_file: the operations file.
        api_url: the playground's Web API.
        application: the application; its password is a variable.
        language: that the bot speaks in channels, as in `BOT_LANGUAGE`.
        secret: with which messages to the receiver are signed.
    """
    return {
        "SLACK_BOT_TOKEN": BOT_TOKEN,
        "SLACK_APP_TOKEN": APP_TOKEN,
        "SLACK_API_URL": api_url,
        "STORE_URL": f"sqlite+aiosqlite:///{folder / 'countersign.db'}",
        "OPS_FILE": str(ops_file),
        "BOT_LANGUAGE": language,
        _PASSWORD: application.database.password,
        _SECRET: secret,
    }


def write_operations(file: Path, content: Mapping[str, Any]) -> None:
    """Write an operations file, its owner's alone.

    Args:
        file: where to.
        content: of `operations`.
    """
    file.touch(mode=0o600)
    with file.open("w", encoding="utf-8") as stream:
        yaml = YAML()
        yaml.default_flow_style = False
        yaml.dump(dict(content), stream)


def write_environment(file: Path, variables: Mapping[str, str]) -> None:
    """Write an environment file, its owner's alone.

    Args:
        file: where to.
        variables: of `environment`.
    """
    file.touch(mode=0o600)
    file.write_text("".join(f"{name}={value}\n" for name, value in variables.items()), encoding="utf-8")
