"""Every bad word gets an answer that says what was wrong, what would be right, and what was not done."""

from importlib import resources
from pathlib import Path

from bot.demo.application.application import Application
from bot.demo.host.host import DemoHost
from bot.demo.host.tcp_proxy import TcpProxy
from tests.acceptance.conftest import NewSystem
from tests.acceptance.support.outside import changes
from tests.acceptance.support.system import ENGINEER, ONCALL, System
from tests.support import OPS_PASSWORD
from tests.support.polling import eventually

WORDS = [
    ("/deploy comte production", ("no app `comte`", "mean `compte`", "Nothing was started")),
    ("/deploy compte prodution", ("no environment `prodution`", "mean `production`", "Nothing was started")),
    ("/deploy compte production main extra", ("Too many words: `extra`", "APP ENV", "Nothing was started")),
    ("/deploy compte production --dryrun", ("no option `--dryrun`", "mean `--dry-run`", "Nothing was started")),
    ("/deploy compte production feature..x", ("can't be a branch", "such as `main`", "Nothing was started")),
    ("/deploy compte production -f", ("no option `-f`", "Nothing was started")),
    # One target here: its environment may be left out.
    ("/rollback compte", ("You can't roll back here", "releasers", "Nothing was done")),
    ("/deplo compte production", ("not a valid command",)),
]


async def test_bad_words_are_answered_at_once(system: System, laravel: Application, ssh_host: DemoHost) -> None:
    for text, wanted in WORDS:
        said = await system.answer(text)
        assert all(part in said for part in wanted), said
    said = await system.answer("/deploy compte production", ONCALL)
    assert "You can't deploy here" in said
    assert "engineers" in said
    said = await system.answer("/deploy compte production", channel="C0GENERAL")
    assert "not operated from this channel" in said
    assert "<#C0OPS>" in said
    assert "Nothing was started" in said

    # What killed rehearsals left is looked for at every start, beside all this.
    asked = {entry.argv for entry in ssh_host.commands.entries()}
    assert asked <= {("git", "rev-parse", "--absolute-git-dir")}

    await system.type("/deploy")
    await eventually(lambda: system.snapshot()["views"].get(ENGINEER), what="a form")
    [form] = system.snapshot()["views"][ENGINEER]
    assert form["type"] == "modal"
    assert system.messages("card") == []
    assert await system.bot.json("runs") == []
    # The form reads what the branch has, and nothing more.
    assert {entry.argv[0] for entry in ssh_host.commands.entries()} <= {"git"}
    assert changes(ssh_host) == {}


async def failed(system: System, text: str, *wanted: str) -> None:
    """Ask for a run that cannot be done, and look whether its outcome says why."""
    run = await system.ask(text)
    assert await system.end(run) == "failed"
    said = system.result(run)
    assert all(part in said for part in (*wanted, "Nothing in production was changed")), said


async def test_what_the_host_and_the_repository_refuse(
    new_system: NewSystem, laravel: Application, wire: TcpProxy, ssh_host: DemoHost
) -> None:
    system = await new_system(ssh_port=wire.port)
    await system.bot.start()
    before = await laravel.head()
    await failed(
        system, "/deploy compte production nowhere", "`nowhere` is not in the repository", "check its spelling"
    )
    changed = laravel.dirty()
    await failed(system, "/deploy compte production", str(changed), "Commit or revert them")
    await laravel.run("git", "checkout", "--quiet", "--", str(changed))
    rewritten = await laravel.diverge()
    await failed(system, "/deploy compte production", rewritten[:7], "does not contain what is live", "rollback")
    await wire.refuse()
    wire.reset()
    await failed(
        system, "/deploy compte production", "`web1`", str(wire.port), "cannot be reached", "Check that it is up"
    )
    await wire.heal()
    await ssh_host.change_key()
    try:
        await failed(system, "/deploy compte production", "`web1`", "presents another key", str(ssh_host.known_hosts))
    finally:
        ssh_host.trust()
    assert changes(ssh_host) == {}
    assert await laravel.head() == before


async def test_a_wrong_password_of_the_database_and_a_full_disk(
    new_system: NewSystem, laravel: Application, ssh_host: DemoHost, tmp_path: Path
) -> None:
    system = await new_system(extra={OPS_PASSWORD: "wrong-horse-battery"})
    await system.bot.start()
    await failed(system, "/deploy compte production", "refused the login", laravel.database.user, "password")
    assert "wrong-horse-battery" not in str(system.snapshot()) + "\n".join(system.bot.lines)
    await system.bot.stop()

    recipe = (resources.files("bot.recipes") / "builtin" / "laravel.yaml").read_text()
    assert "free_mib: 200" in recipe
    (tmp_path / "roomy.yaml").write_text(recipe.replace("free_mib: 200", "free_mib: 900000000"))
    system = await new_system(recipe=str(tmp_path / "roomy.yaml"))
    await system.bot.start()
    await failed(system, "/deploy compte production", "The disk of `web1` is too full", "needed", "Make room there")
    assert changes(ssh_host) == {}


HOSTILE = [
    ";touch {canary}",
    "$(touch {canary})",
    "`touch {canary}`",
    "main;touch${{IFS}}{canary}",
    "$(touch${{IFS}}{canary})",
    "`touch${{IFS}}{canary}`",
    "main&&touch${{IFS}}{canary}",
    "main|touch${{IFS}}{canary}",
    "'$(touch {canary})'",
    '"$(touch {canary})"',
    "';touch${{IFS}}{canary};'",
    "--upload-pack=touch${{IFS}}{canary}",
    "--output={canary}",
    "-c core.pager=touch",
    "main\ntouch {canary}",
    "main\r\ntouch {canary}",
    "main\x00;touch {canary}",
    "🚀",
    "half of a rocket \ud83d",
    "\ud83d",
    "‮niam",
    "<!channel>",
    "<@U0BOB>",
    "../../../../etc/passwd",
    "refs/heads/main",
    "HEAD@{{1}}",
    ":/fix",
    "main^{{/touch}}",
    "origin/main..main",
    "%s%n%x",
    "x" * 4000,
    "a/" * 2000,
    "é" * 180,
    "*_bold_* `code` ~x~ &amp; <b>",
]


async def test_hostile_refs_are_answered_and_nothing_is_executed(
    system: System, laravel: Application, ssh_host: DemoHost, tmp_path: Path
) -> None:
    canary = tmp_path / "canary"
    before = await laravel.head()
    for text in HOSTILE:
        answered = len(system.ephemerals(ENGINEER)) + len(system.messages("card"))
        await system.type("/deploy compte production " + text.format(canary=canary))
        await eventually(
            lambda n=answered: len(system.ephemerals(ENGINEER)) + len(system.messages("card")) > n,
            20,
            what=repr(text[:60]),
        )
    for run in await system.runs(0):
        assert await system.end(run) == "failed", system.messages("card", run)
    assert not canary.exists()
    said = str(system.snapshot()["channels"][0]) + str(system.ephemerals(ENGINEER))
    assert "<!channel>" not in said
    assert "<@U0BOB>" not in str(system.ephemerals(ENGINEER))
    assert changes(ssh_host) == {}
    assert await laravel.head() == before
    # the bot is well
    run = await system.ask()
    assert await system.approved(run) == "succeeded"
