"""The answer to `/migrate-status`: a one-sentence summary, then the details."""

from __future__ import annotations

from bot.domain.targets.look import HiddenReplication, Session
from bot.domain.targets.migration_report import Disk, DiskContent, MigrationReport, MigrationStatus, PastRun
from bot.slack.render import markup
from bot.slack.render.cards.replica_line import replica_line
from bot.slack.render.cards.status.outage_line import outage_line
from bot.slack.render.context import STATE_EMOJI, RenderContext
from bot.slack.render.markup import Markup
from bot.slack.render.message import Message, actions, button, context, join_dots, join_lines, message, section
from bot.slack.render.text import Translator

SHARE = "status_share"
DEPLOY = "home_deploy"
"""As on the App Home: opens the form of `/deploy`."""

_MAX_NAMES = 10
_MAX_SESSIONS = 3
_MAX_REPLICAS = 4


def status_card(
    migration_report: MigrationReport, ctx: RenderContext, *, shared_by: str = "", may_deploy: bool = False
) -> Message:
    """Build the answer.

    Args:
        migration_report: the state of the migrations, and past runs.
        ctx: the render context.
        shared_by: Slack's ID of who shares it with the channel; empty for the reply to one person, which has a
            button to share it.
        may_deploy: whether that person may deploy there, and has a button for it.
    """
    status, translator = migration_report.status, ctx.translator
    translate = translator.translate
    headline = _headline(status, translator)
    name = str(status.target)
    return message(
        headline,
        (
            section(_outage(migration_report, ctx)),
            section(join_lines((Markup(f"*{markup.inline(name)}* · {headline}"), *_pending(status, translator)))),
            section(
                join_lines(
                    (
                        *_obstacles(status, translator),
                        *_replication(status, translator),
                        *_maintenance(status, translator),
                    )
                )
            ),
            section(join_lines(_past(migration_report, translator))),
            context(_figures(status, translator)),
            context(translate("status.shared", who=markup.user(shared_by)))
            if shared_by
            else actions(
                "status_buttons",
                button(DEPLOY, translate("button.deploy"), _value(status)) if may_deploy else None,
                button(SHARE, translate("button.share"), _value(status)),
            ),
        ),
        "countersign_status",
        {
            "app": status.target.app,
            "environment": status.target.environment,
            "head": status.head,
            "ran": len(status.ran),
            "pending": [*status.pending_live, *status.pending_branch],
            "missing": list(status.missing),
        },
    )


def _outage(migration_report: MigrationReport, ctx: RenderContext) -> Markup:
    outage = migration_report.outage
    return outage_line(outage, ctx, deciders=migration_report.deciders) if outage is not None else Markup("")


def _value(status: MigrationStatus) -> str:
    return f"{status.target.app} {status.target.environment}"


def _headline(status: MigrationStatus, translator: Translator) -> Markup:
    """Render in one sentence whether the schema is what the code needs."""
    count = translator.count
    if status.pending_live:
        return count("status.live", len(status.pending_live))
    if status.unanswered:
        return translator.translate("status.unanswered")
    if status.missing:
        return count("status.missing", len(status.missing))
    if status.pending_branch:
        return count("status.waiting", len(status.pending_branch), branch=status.branch)
    return count("status.fine", len(status.ran))


def _pending(status: MigrationStatus, translator: Translator) -> tuple[Markup, ...]:
    translate = translator.translate
    at_branch = translate("status.at_branch", branch=status.branch, sha=status.branch_sha[:7])
    return (
        *_names(translate("status.at_live", sha=status.head[:7]), status.pending_live, translator),
        *_names(at_branch, status.pending_branch, translator),
        *_names(translate("status.gone"), status.missing, translator),
        translate("status.branch_unknown", branch=status.branch) if not status.branch_sha else Markup(""),
        translate(
            "status.branch_unlisted", branch=status.branch, detail=markup.clip(translator.detail(status.unlisted), 300)
        )
        if status.unlisted is not None
        else Markup(""),
        translate("status.silent", detail=markup.clip(translator.detail(status.unanswered), 300))
        if status.unanswered
        else Markup(""),
    )


def _names(title: Markup, names: tuple[str, ...], translator: Translator) -> tuple[Markup, ...]:
    if not names:
        return ()
    shown = [Markup("• " + markup.code(markup.clip(name, 120))) for name in names[:_MAX_NAMES]]
    rest = len(names) - len(shown)
    return (title, *shown, translator.count("plan.more", rest) if rest else Markup(""))


def _obstacles(status: MigrationStatus, translator: Translator) -> tuple[Markup, ...]:
    translate = translator.translate
    sessions = [_session(session, translator) for session in status.blockers[:_MAX_SESSIONS]]
    rest = len(status.blockers) - len(sessions)
    read_only = status.replication.read_only
    obstacles = (
        *sessions,
        *((translator.count("plan.more", rest),) if rest else ()),
        *(_tight(disk, translator) for disk in status.disks if disk.tight),
        *((translate("status.read_only", setting=read_only),) if read_only else ()),
    )
    if status.sees_all_sessions:
        return obstacles or (translate("status.clear"),)
    return obstacles if sessions else (*obstacles, translate("status.cannot_see"))


def _tight(disk: Disk, translator: Translator) -> Markup:
    free, needs = (translator.size(kib * 1024) for kib in (disk.free_kib, disk.needs_kib))
    return translator.translate(f"status.tight.{disk.holds.value}", host=disk.host, free=free, needs=needs)


def _replication(status: MigrationStatus, translator: Translator) -> tuple[Markup, ...]:
    translate, replication = translator.translate, status.replication
    hidden = tuple(
        translate(f"status.hidden.{what.value}", privilege=privilege)
        for what, privilege in replication.hidden.items()
        if what is not HiddenReplication.REPLICAS or replication.replica_count is None
    )
    names = ", ".join(
        translate("status.replicas.waits", name=replica.address)
        if replica.sent is False
        else markup.inline(replica.address)
        for replica in replication.replicas[:_MAX_REPLICAS]
    )
    count = replication.replica_count or 0
    replicas = (translator.count("status.replicas", count, names=Markup(names)),) if count else ()
    return (*(replica_line(primary, translator) for primary in replication.primaries), *replicas, *hidden)


def _session(session: Session, translator: Translator) -> Markup:
    key = "status.waits" if session.waits else "status.open"
    query = markup.clip(session.query, 80)
    return translator.translate(
        key, id=str(session.id), user=session.user, seconds=translator.duration(session.seconds), query=query
    )


def _maintenance(status: MigrationStatus, translator: Translator) -> tuple[Markup, ...]:
    translate, unsure = translator.translate, status.maintenance_unknown
    unknown = translate("status.unsure", hosts=", ".join(unsure)) if unsure else Markup("")
    if status.maintenance:
        return (translate("status.down", hosts=", ".join(status.maintenance)), unknown)
    return (unknown or translate("status.up"),)


def _past(migration_report: MigrationReport, translator: Translator) -> tuple[Markup, ...]:
    translate = translator.translate
    going = translate("status.going", run=migration_report.going) if migration_report.going else Markup("")
    return (
        going,
        _batch(migration_report, translator),
        *_deploys(migration_report, translator),
        _backup(migration_report, translator),
    )


def _deploys(migration_report: MigrationReport, translator: Translator) -> tuple[Markup, ...]:
    """Render the deploy that is live, and the latest one where that is another."""
    live, last = migration_report.live_deploy, migration_report.last_deploy
    names = migration_report.status.releases
    releases = translator.translate("status.release", names=", ".join(names)) if names else Markup("")
    if live is None and last is None:
        return (releases, translator.translate("status.deploy.none"))
    return (
        releases,
        _deploy("status.deploy.live", live, translator),
        _deploy("status.deploy.last", last, translator) if last != live else Markup(""),
    )


def _batch(migration_report: MigrationReport, translator: Translator) -> Markup:
    """Render the last batch, with its time where known: frameworks do not record it for every migration."""
    batch, run = migration_report.status.last_batch, migration_report.last_batch
    if not batch:
        return Markup("")
    number = next(row.batch for row in reversed(migration_report.status.ran) if row.name == batch[-1])
    more = str(len(batch) - 1) if len(batch) > 1 else ""
    values = {"n": str(number), "name": markup.clip(batch[-1], 80), "more": more}
    if run is not None:
        return translator.translate("status.batch.run", run=run.run, when=translator.moment(run.ended_at), **values)
    at = migration_report.status.changed_at
    return translator.translate("status.batch.table", when=translator.moment(at) if at else "", **values)


def _deploy(key: str, past: PastRun | None, translator: Translator) -> Markup:
    if past is None:
        return Markup("")
    when = translator.moment(past.ended_at)
    return translator.translate(key, emoji=STATE_EMOJI[past.state], run=past.run, when=when, sha=past.sha[:7])


def _backup(migration_report: MigrationReport, translator: Translator) -> Markup:
    translate, newest, last = translator.translate, migration_report.status.newest_backup, migration_report.last_backup
    if newest is not None:
        proof = translate(f"proof.{newest.proof.value}", when="")
        return translate("status.backup.last", id=newest.backup, when=translator.moment(newest.started), proof=proof)
    if last is None:
        return translate("status.backup.none")
    key = "status.backup.last" if migration_report.status.backup_list is None else "status.backup.gone"
    return translate(key, id=last.backup, when=translator.moment(last.ended_at))


def _figures(status: MigrationStatus, translator: Translator) -> Markup:
    translate, count = translator.translate, translator.count
    return join_dots(
        (
            translate("status.head", sha=status.head[:7]) if status.head else "",
            count("status.ran", len(status.ran)),
            status.server,
            translate("status.size", size=translator.size(status.size_bytes)),
            *_free(status.disks, translator),
        )
    )


def _free(disks: tuple[Disk, ...], translator: Translator) -> tuple[Markup, ...]:
    """Render the free space of the fullest disk with code, and of the database's disk where it is another one."""
    code = [disk for disk in disks if disk.holds is DiskContent.CODE]
    fullest = [min(code, key=lambda disk: disk.free_kib)] if code else []
    sizes = {
        (disk.host, translator.size(disk.free_kib * 1024)): disk for disk in disks if disk.holds is DiskContent.DATABASE
    }
    sizes |= {(disk.host, translator.size(disk.free_kib * 1024)): disk for disk in fullest}
    return tuple(
        translator.translate(f"status.free.{disk.holds.value}", size=size, host=host)
        for (host, size), disk in sizes.items()
    )
