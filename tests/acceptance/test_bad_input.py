"""Every bad word gets an answer that says what was wrong, what would be right, and what was not done."""

from importlib import resources
from pathlib import Path

from bot.demo.application.application import Application
from bot.demo.host.host import Host
from bot.demo.host.tcp_proxy import TcpProxy
from tests.acceptance.conftest import NewStage
from tests.acceptance.support.outside import changes
from tests.acceptance.support.stage import ENGINEER, ONCALL, Stage
from tests.support import OPS_PASSWORD
from tests.support.polling import eventually

WORDS = [
    ("/deploy comte production", ("no app `comte`", "mean `compte`", "Nothing was started")),
    ("/deploy compte prodution", ("no environment `prodution`", "mean `production`", "Nothing was started")),
    ("/deploy compte production main extra", ("cannot place `extra`", "APP ENV", "Nothing was started")),
    ("/deploy compte production --dryrun", ("no option `--dryrun`", "mean `--dry-run`", "Nothing was started")),
    ("/deploy compte production feature..x", ("cannot be a branch", "such as `main`", "Nothing was started")),
    ("/deploy compte production -f", ("no option `-f`", "Nothing was started")),
    ("/rollback compte", ("production", "Nothing was started")),
    ("/deplo compte production", ("not a valid command",)),
]


async def test_bad_words_are_answered_at_once(stage: Stage, laravel: Application, ssh_host: Host) -> None:
    for text, wanted in WORDS:
        said = await stage.told(text)
        assert all(part in said for part in wanted), said
    said = await stage.told("/deploy compte production", ONCALL)
    assert "You may not deploy here" in said
    assert "engineers" in said
    said = await stage.told("/deploy compte production", channel="C0GENERAL")
    assert "not operated from this channel" in said
    assert "<#C0OPS>" in said
    assert "Nothing was started" in said

    assert ssh_host.commands.entries() == ()

    await stage.type("/deploy")
    await eventually(lambda: stage.snapshot()["views"].get(ENGINEER), what="a form")
    [form] = stage.snapshot()["views"][ENGINEER]
    assert form["type"] == "modal"
    assert stage.messages("card") == []
    assert await stage.bot.json("runs") == []
    # The form reads what the branch has, and nothing more.
    assert {entry.argv[0] for entry in ssh_host.commands.entries()} <= {"git"}
    assert changes(ssh_host) == {}


async def failed(stage: Stage, text: str, *wanted: str) -> None:
    """Ask for a run that cannot be done, and look whether its outcome says why."""
    run = await stage.ask(text)
    assert await stage.end(run) == "failed"
    said = stage.result(run)
    assert all(part in said for part in (*wanted, "Nothing in production was changed")), said


async def test_what_the_host_and_the_repository_refuse(
    new_stage: NewStage, laravel: Application, wire: TcpProxy, ssh_host: Host
) -> None:
    stage = await new_stage(ssh_port=wire.port)
    await stage.bot.start()
    before = await laravel.head()
    await failed(stage, "/deploy compte production nowhere", "`nowhere` is not in the repository", "check its spelling")
    changed = laravel.dirty()
    await failed(stage, "/deploy compte production", str(changed), "Commit them or take them back")
    await laravel.run("git", "checkout", "--quiet", "--", str(changed))
    rewritten = await laravel.diverge()
    await failed(stage, "/deploy compte production", rewritten[:7], "does not contain what is live", "rollback")
    await wire.refuse()
    wire.reset()
    await failed(
        stage, "/deploy compte production", "`web1`", str(wire.port), "cannot be reached", "Check that it is up"
    )
    await wire.heal()
    await ssh_host.change_key()
    try:
        await failed(stage, "/deploy compte production", "`web1`", "does not show the key", str(ssh_host.known_hosts))
    finally:
        ssh_host.trust()
    assert changes(ssh_host) == {}
    assert await laravel.head() == before


async def test_a_wrong_password_of_the_database_and_a_full_disk(
    new_stage: NewStage, laravel: Application, ssh_host: Host, tmp_path: Path
) -> None:
    stage = await new_stage(extra={OPS_PASSWORD: "wrong-horse-battery"})
    await stage.bot.start()
    await failed(stage, "/deploy compte production", "refused the login", laravel.database.user, "password")
    assert "wrong-horse-battery" not in str(stage.snapshot()) + "\n".join(stage.bot.lines)
    await stage.bot.stop()

    recipe = (resources.files("bot.recipes") / "builtin" / "laravel.yaml").read_text()
    assert "free_mib: 200" in recipe
    (tmp_path / "roomy.yaml").write_text(recipe.replace("free_mib: 200", "free_mib: 900000000"))
    stage = await new_stage(recipe=str(tmp_path / "roomy.yaml"))
    await stage.bot.start()
    await failed(stage, "/deploy compte production", "The disk of `web1` is too full", "needed", "Make room there")
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
    stage: Stage, laravel: Application, ssh_host: Host, tmp_path: Path
) -> None:
    canary = tmp_path / "canary"
    before = await laravel.head()
    for text in HOSTILE:
        answered = len(stage.ephemerals(ENGINEER)) + len(stage.messages("card"))
        await stage.type("/deploy compte production " + text.format(canary=canary))
        await eventually(
            lambda n=answered: len(stage.ephemerals(ENGINEER)) + len(stage.messages("card")) > n,
            20,
            what=repr(text[:60]),
        )
    for run in await stage.runs(0):
        assert await stage.end(run) == "failed", stage.messages("card", run)
    assert not canary.exists()
    said = str(stage.snapshot()["channels"][0]) + str(stage.ephemerals(ENGINEER))
    assert "<!channel>" not in said
    assert "<@U0BOB>" not in str(stage.ephemerals(ENGINEER))
    assert changes(ssh_host) == {}
    assert await laravel.head() == before
    # the bot is well
    run = await stage.ask()
    assert await stage.approved(run) == "succeeded"
