"""Small applications of other stacks, each with its real tool: one commit that is live, and a next one."""

from __future__ import annotations

import asyncio
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bot.demo.application.git import git
from bot.demo.host.database import DemoDatabase

SETTINGS = """\
from pathlib import Path

values = dict(line.split("=", 1) for line in Path(".env").read_text().splitlines() if line)
"""

ALEMBIC_LIVE = {
    "alembic.ini": "[alembic]\nscript_location = %(here)s/migrations\nprepend_sys_path = .\n",
    "settings.py": SETTINGS,
    "requirements.txt": "alembic\n",
    "migrations/env.py": """\
import sqlalchemy
from alembic import context
from settings import values

url = sqlalchemy.URL.create("mysql+pymysql", values["USER"], values["PASSWORD"], values["HOST"], int(values["PORT"]),
                            values["NAME"])
if context.is_offline_mode():
    context.configure(url=url, literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()
else:
    with sqlalchemy.create_engine(url).connect() as connection:
        context.configure(connection=connection)
        with context.begin_transaction():
            context.run_migrations()
""",
    "migrations/versions/1a5e_accounts.py": '''\
"""accounts

Revision ID: 1a5e
"""
import sqlalchemy as sa
from alembic import op

revision, down_revision = "1a5e", None


def upgrade():
    op.create_table("accounts", sa.Column("id", sa.Integer, primary_key=True), sa.Column("name", sa.String(100)))


def downgrade():
    op.drop_table("accounts")
''',
}

ALEMBIC_NEXT = {
    "migrations/versions/27c0_add_token_id.py": '''\
"""add token_id

Revision ID: 27c0
"""
import sqlalchemy as sa
from alembic import op

revision, down_revision = "27c0", "1a5e"


def upgrade():
    op.add_column("accounts", sa.Column("token_id", sa.String(100)))


def downgrade():
    op.drop_column("accounts", "token_id")
''',
    "migrations/versions/0b91_index_token_id.py": '''\
"""index token_id

Revision ID: 0b91
"""
from alembic import op

revision, down_revision = "0b91", "27c0"


def upgrade():
    op.create_index("by_token_id", "accounts", ["token_id"])


def downgrade():
    op.drop_index("by_token_id", "accounts")
''',
}

DJANGO_LIVE = {
    "manage.py": """\
import os
import sys

os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
from django.core.management import execute_from_command_line

execute_from_command_line(sys.argv)
""",
    "settings.py": SETTINGS
    + """
import pymysql

pymysql.install_as_MySQLdb()
SECRET_KEY = "x"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = ["django.contrib.contenttypes", "accounts"]
DATABASES = {"default": {"ENGINE": "django.db.backends.mysql", **values}}
""",
    "requirements.txt": "django\n",
    "accounts/__init__.py": "",
    "accounts/models.py": """\
from django.db import models


class Account(models.Model):
    name = models.CharField(max_length=100)

    class Meta:
        db_table = "accounts"
""",
    "accounts/migrations/__init__.py": "",
    "accounts/migrations/0001_initial.py": """\
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = []
    operations = [
        migrations.CreateModel(
            "Account",
            [("id", models.BigAutoField(primary_key=True)), ("name", models.CharField(max_length=100))],
            options={"db_table": "accounts"},
        )
    ]
""",
}

DJANGO_NEXT = {
    "accounts/migrations/0002_account_token_id.py": """\
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]
    operations = [migrations.AddField("Account", "token_id", models.CharField(max_length=100, null=True))]
""",
    "accounts/migrations/0003_fill.py": """\
from django.db import migrations


def fill(apps, schema_editor):
    apps.get_model("accounts", "Account").objects.update(token_id="")


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_account_token_id")]
    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
""",
}


@dataclass(frozen=True)
class Stack:
    """An application on a host; the parts that the operations file asks for are called as in `Application`.

    Args:
        folder: everything of it lies below.
        database: its database.
    """

    folder: Path
    database: DemoDatabase

    @property
    def path(self) -> Path:
        """The checkout."""
        return self.folder / "site"

    @property
    def backups(self) -> Path:
        """A folder for backups."""
        return self.folder / "backups"

    @classmethod
    async def create(cls, folder: Path, database: DemoDatabase, files: Mapping[str, str]) -> Stack:
        """Make the application at its first commit; its database is still empty.

        Args:
            folder: an empty folder.
            database: an empty database.
            files: of the first commit.
        """
        self = cls(folder, database)
        self.backups.mkdir()
        origin = folder / "origin.git"
        await git(folder, "init", "--quiet", "--bare", "--initial-branch", "main", str(origin))
        await git(folder, "clone", "--quiet", str(origin), "author")
        await self.commit("feat: accounts", files)
        await git(folder, "clone", "--quiet", str(origin), "site")
        account = {"HOST": database.host, "PORT": database.port, "NAME": database.name}
        account |= {"USER": database.user, "PASSWORD": database.password}
        (self.path / ".env").write_text("".join(f"{name}={value}\n" for name, value in account.items()))
        await asyncio.to_thread(environment, self.path / ".venv")
        return self

    async def commit(self, subject: str, files: Mapping[str, str]) -> str:
        """Push another commit to the origin, and give its name."""
        author = self.folder / "author"
        for name, text in files.items():
            file = author / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        await git(author, "add", "--all")
        await git(author, "commit", "--quiet", "-m", subject)
        await git(author, "push", "--quiet", "origin", "HEAD:main")
        return await git(author, "rev-parse", "HEAD")

    async def head(self) -> str:
        """The commit that is live."""
        return await git(self.path, "rev-parse", "HEAD")

    async def tool(self, *words: str) -> str:
        """Run a tool of its environment in the checkout, and give what it printed."""
        process = await asyncio.create_subprocess_exec(
            ".venv/bin/python",
            *words,
            cwd=self.path,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        printed, _ = await process.communicate()
        assert process.returncode == 0, printed.decode()
        return printed.decode()


def environment(folder: Path) -> None:
    """Make a virtual environment that has the packages of the one that runs the tests, and none of its own."""
    import venv

    venv.create(folder, symlinks=True)
    [packages] = folder.glob("lib/python*/site-packages")
    (packages / "tests.pth").write_text(sysconfig.get_path("purelib") + "\n")
