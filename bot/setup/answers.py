"""Everything that the first set-up decides, as one value."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.secrets import Secret
from bot.setup.host_survey import Framework
from bot.setup.scripts.recognition import Service

_MANY = 99


@dataclass(frozen=True)
class HostAnswer:
    """A host as it is written down.

    Args:
        name: in the operations file.
        address: name or IP address.
        port: of its SSH server.
        user: who logs in.
        key: path of the private key; empty for the agent and the usual files.
        known_hosts: path of the file of known hosts; empty for the usual one.
        jump: name of the host through which it is reached; empty where none.
    """

    name: str
    address: str
    port: int
    user: str
    key: str = ""
    known_hosts: str = ""
    jump: str = ""


@dataclass(frozen=True)
class DatabaseAnswer:
    """The database as it is written down.

    Args:
        host: as seen from the host of the application.
        port: of the server.
        name: of the database.
        user: of the account that the bot uses.
        variable: of the environment, with its password.
        password: of the account, for `.env`; None where the variable is set elsewhere.
        is_new: whether the account is the bot's own and an administrator has to create it.
    """

    host: str
    port: int
    name: str
    user: str
    variable: str
    password: Secret | None
    is_new: bool


def most_approvals(engineers: tuple[str, ...], approvers: tuple[str, ...]) -> int:
    """Say how many approvals a request can get.

    Args:
        engineers: who may ask.
        approvers: who may approve.
    """
    if any(one.startswith("S") for one in approvers):
        return _MANY
    return len(approvers) - (1 if set(engineers) <= set(approvers) else 0)


@dataclass(frozen=True)
class Answers:
    """What was found and what was answered.

    Args:
        hosts: the jump first, where there is one; the last is the host of the application.
        app: name of the application.
        environment: such as `production`.
        framework: of the application.
        recipe: a built-in recipe, or the path of a file.
        path: of the checkout.
        branch: that is deployed.
        channel: Slack's ID of the channel.
        engineers: who may deploy: Slack's IDs, or `anyone`.
        approvers: who countersigns: Slack's IDs.
        approvals: how many of them.
        database: None where the bot reads and backs up none.
        backups: the folder on the host; empty where none are made.
        services: units that the recipe restarts because the operations file names them.
        recipe_services: units that the recipe itself restarts or reloads.
        health_url: a page that must answer; empty where none.
        php: the program that runs artisan.
        bot_token: Slack's; None where it is still to be filled in, or is set elsewhere.
        app_token: the same.
    """

    hosts: tuple[HostAnswer, ...]
    app: str
    environment: str
    framework: Framework
    recipe: str
    path: str
    branch: str
    channel: str
    engineers: tuple[str, ...]
    approvers: tuple[str, ...]
    approvals: int
    database: DatabaseAnswer | None
    backups: str
    services: tuple[str, ...]
    recipe_services: tuple[Service, ...]
    health_url: str
    php: str = "php"
    bot_token: Secret | None = None
    app_token: Secret | None = None

    @property
    def most_approvals(self) -> int:
        """How many approvals there can be: nobody approves an own request, and a group is as large as it is."""
        return most_approvals(self.engineers, self.approvers)

    @property
    def host(self) -> HostAnswer:
        """The host of the application."""
        return self.hosts[-1]
