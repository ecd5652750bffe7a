"""Everything the bot says, in English. Another language is another file like this one."""

from __future__ import annotations

from bot.domain.errors import Reason
from bot.slack.sentences import Explanation, Language

_NOTHING = "Nothing was started."
_UNCHANGED = "Nothing in production was changed."
_STOPPED = "The run stopped there."
_NOT_DONE = "Nothing was done."

REASONS: dict[Reason, Explanation] = {
    Reason.USAGE: Explanation(
        "That is not a complete command[: I cannot place `{extra}`].",
        "Type `{usage}`[, with one of the apps {apps}][, with one of the environments {environments}].",
        _NOTHING,
    ),
    Reason.UNKNOWN_APP: Explanation(
        "There is no app `{app}`.", "[Did you mean `{nearest}`? ][The apps here: {known}.]", _NOTHING
    ),
    Reason.UNKNOWN_ENVIRONMENT: Explanation(
        "`{app}` has no [environment `{environment}`][such environment{environment_missing}].",
        "[Did you mean `{nearest}`? ][It has: {known}.]",
        _NOTHING,
    ),
    Reason.UNKNOWN_RUN: Explanation(
        "There is no run `{run}`.", "A run is named like `R-7K3F9Q`; its card shows it.", "Nothing was done."
    ),
    Reason.BAD_REF: Explanation(
        "`{ref}` cannot be a branch, a tag or a commit.",
        "Name one that git knows, such as `main`, `v2.4.0` or `aace2d6`.",
        _NOTHING,
    ),
    Reason.BAD_OPTION: Explanation(
        "There is no option `{option}`.", "[Did you mean `{nearest}`? ][Type `{usage}`.]", _NOTHING
    ),
    Reason.BAD_TABLE: Explanation(
        "`{table}` cannot be the name of a table.", "Name tables as the database does, without quotes.", _NOTHING
    ),
    Reason.UNKNOWN_BACKUP: Explanation(
        "There is no backup `{backup}`[ of `{app} {environment}`].",
        "[Did you mean `{nearest}`? ][The latest: {known}. ]`/backup list` shows what there is.",
        _NOTHING,
    ),
    Reason.WRONG_CHANNEL: Explanation(
        "`{app}` is not operated from this channel.", "[Ask for it in {channels}.]", _NOTHING
    ),
    Reason.NOT_ALLOWED: Explanation(
        "You may not {action} here.", "[Who may: {people}.][Nobody may, by this policy{people_missing}.]", _NOT_DONE
    ),
    Reason.MEMBERSHIP_UNKNOWN: Explanation(
        "Slack did not say whether you belong to those who may {action}[ ({people})].",
        "Try again in a minute. A look-up that fails never counts as a yes.",
        _NOT_DONE,
    ),
    Reason.FROZEN: Explanation(
        "Changes are frozen[: {why}][ ({timezone})].", "Ask again when the freeze is over.", _UNCHANGED
    ),
    Reason.LOCKED: Explanation(
        "It is locked[ by {by}][ since {since}][: {why}].",
        "It is open again when the lock is taken off[: `/ops unlock {app} {environment}`].",
        _NOTHING,
    ),
    Reason.DRAINING: Explanation(
        "I am being stopped and take no new work.", "Ask again when I am back, in a minute or two.", _NOTHING
    ),
    Reason.HOST_UNREACHABLE: Explanation(
        "Host `{host}`[ ({address}:{port})] cannot be reached[: {detail}].",
        "Check that it is up and that its SSH port answers from where I run.",
        _STOPPED,
    ),
    Reason.HOST_KEY_CHANGED: Explanation(
        "Host `{host}`[ ({address}:{port})] does not show the key that I know[: {detail}].",
        "If the server was really replaced, put its new key into[ `{path}`] the file of known hosts. If not, somebody "
        "may be in between.",
        _STOPPED,
    ),
    Reason.HOST_LOGIN_REFUSED: Explanation(
        "Host `{host}`[ ({address}:{port})] refused my login[ as `{user}`][: {detail}].",
        "My public key must be in the `authorized_keys` of that user.",
        _STOPPED,
    ),
    Reason.HOST_TOOL_MISSING: Explanation(
        "Host `{host}` lacks[ `{tools}`][ `{tool}`][: {detail}].",
        "Install it there, or correct its path in the operations file.",
        _STOPPED,
    ),
    Reason.CHECKOUT_MISSING: Explanation(
        "There is no git checkout at `{path}`[ on `{host}`][: {detail}].",
        "Correct `path:` in the operations file, or clone the app there.",
        _STOPPED,
    ),
    Reason.CHECKOUT_DIRTY: Explanation(
        "Files of the checkout[ on `{host}`] were changed by hand[: {paths}].",
        "Commit them or take them back on the host, so that nobody's work is overwritten.",
        _STOPPED,
    ),
    Reason.CHECKOUTS_DIFFER: Explanation(
        "The hosts do not agree[ on what `{ref}` is][: {found}].",
        "Bring all hosts to the same commit, then ask again.",
        _STOPPED,
    ),
    Reason.DISK_FULL: Explanation(
        "The disk[ of `{host}`] is too full: {free} free[ at `{path}`][, {needs} needed].",
        "Make room there, then ask again.",
        _STOPPED,
    ),
    Reason.INODES_FULL: Explanation(
        "The disk[ of `{host}`] has no room for more files: {free} inodes free[ at `{path}`][, {needs} needed].",
        "Remove old files there, then ask again.",
        _STOPPED,
    ),
    Reason.REF_NOT_FOUND: Explanation(
        "`{ref}` is not in the repository[ as `{host}` fetched it].",
        "Push it first, or check its spelling.",
        _STOPPED,
    ),
    Reason.NOT_FAST_FORWARD: Explanation(
        "`{ref}`[ (`{sha}`)] does not contain what is live now[ (`{head}`)][ on `{host}`].",
        "Merge or rebase it on what is live, then ask again. Going back is a rollback, not a deploy.",
        _STOPPED,
    ),
    Reason.DATABASE_UNREACHABLE: Explanation(
        "The database `{database}`[ at {host}:{port}][ through `{via}`] cannot be reached[: {detail}].",
        "Check that it runs and that its address in the operations file is right.",
        _STOPPED,
    ),
    Reason.DATABASE_LOGIN_REFUSED: Explanation(
        "The database `{database}` refused the login[ of `{user}`][: {detail}].",
        "Check the user, and the password that the operations file takes from the environment.",
        _STOPPED,
    ),
    Reason.DATABASE_MISSING: Explanation(
        "[The server has no database `{database}`][{app} {environment} has no database][: {detail}].",
        "Correct `database:` in the operations file.",
        _STOPPED,
    ),
    Reason.BLOCKED_BY_SESSIONS: Explanation(
        "Other database sessions stand in the way[: {detail}].",
        "Wait until they end, or end them, then ask again.",
        _STOPPED,
    ),
    Reason.BACKUP_IMPOSSIBLE: Explanation(
        "No verified backup could be made[ ({stage})][: {detail}].",
        "Mend what stands in its way, then ask again.",
        "Nothing that was written is called a backup.",
    ),
    Reason.REHEARSAL_FAILED: Explanation(
        "The migration {migration} failed on a copy of the database[: {error}][ Statement: `{statement}`].",
        "Mend the migration, push it, then ask again.",
        "Nobody was asked to approve. Production was not changed, and the copy is gone.",
    ),
    Reason.NO_MIGRATIONS: Explanation(
        "{target} has no {missing} that I could compare.",
        "Add `database:` to the environment, or choose a recipe that has migrations.",
        "Nothing was read or changed.",
    ),
    Reason.MIGRATIONS_UNREADABLE: Explanation(
        "I cannot read where the migrations stand[ on {host}: {detail}]"
        "[ The database is at {unknown}, which is not among the migrations of this commit].",
        "Run the command of the recipe's `status:` on the host yourself, and mend what it says.",
        _UNCHANGED,
    ),
    Reason.NO_RELEASE: Explanation(
        "I know of no good release before `{head}`.",
        "Name one: `--to` and a tag, a commit or a run.",
        _UNCHANGED,
    ),
    Reason.NOT_BEHIND: Explanation(
        "`{ref}` is not behind what is live[ on `{host}`]: `{head}` was not built on it.",
        "Going forward is a deploy; going back takes a commit that is part of what is live.",
        _UNCHANGED,
    ),
    Reason.NOT_THE_LATEST: Explanation(
        "The migrations to undo are not the ones that ran last: {migrations}. The latest: {latest}.",
        "Go back with `--code`, or say how many of the latest migrations to undo: `--migrations`.",
        _UNCHANGED,
    ),
    Reason.MOVE_NOT_LEGAL: Explanation(
        "Run `{run}` cannot be carried on that way any more.",
        "Somebody may have decided already; its card says how it stands.",
        _NOTHING,
    ),
    Reason.EXIT_STATUS: Explanation(
        "[*{title}* ended][A step ended{title_missing}] with exit status {status}[ on `{host}`].",
        "Its last lines are in the thread; the log has all of them.",
        _STOPPED,
    ),
    Reason.TIMED_OUT: Explanation(
        "[*{title}* ][A step {title_missing}]took longer than {seconds} s[ on `{host}`] and was ended.",
        "Find out why it hung, then ask again.",
        _STOPPED,
    ),
    Reason.CANCELLED: Explanation(
        "The run was cancelled[ by {by}][ while *{title}* ran].",
        "Ask again when you want it.",
        "No later step was started.",
    ),
    Reason.NEVER_STARTED: Explanation(
        "[*{title}* ][A step {title_missing}]never ran[ on `{host}`][: {detail}].",
        "Mend the connection, then ask again.",
        "It changed nothing, and no later step was started.",
    ),
    Reason.OUTCOME_UNKNOWN: Explanation(
        "It is not known whether [*{title}*][a step{title_missing}] took effect[ on `{host}`][: {detail}].",
        "Look at the host, then decide. I do not guess, and I do not run it twice.",
        "No later step was started.",
    ),
    Reason.NOT_TAKEN_EFFECT: Explanation(
        "[*{title}* ][A step {title_missing}]ended but did not take effect[ on `{host}`][: still missing {missing}].",
        "Read its output in the log.",
        _STOPPED,
    ),
    Reason.STILL_RUNNING: Explanation(
        "The process of [*{title}*][a step{title_missing}] could not be ended[ on `{host}`] and may still run.",
        "Log in there and end it before anything else is started.",
        "No later step was started.",
    ),
    Reason.OVERTAKEN: Explanation(
        "Another instance of me has taken this run over[ on `{host}`].",
        "It goes on there.",
        "This instance did nothing more.",
    ),
    Reason.REJECTED: Explanation(
        "[The run was rejected by {by}.][An approval was taken back before the first change: {given} of {needed} "
        "were left.]",
        "Talk to each other, then ask again.",
        _UNCHANGED,
    ),
    Reason.EXPIRED: Explanation(
        "Nobody decided in time.", "Ask again when somebody who may approve is there.", _UNCHANGED
    ),
    Reason.MOVED: Explanation(
        "The world is no longer as it was approved, so the approval is void.",
        "Ask again: the new plan is made of what is there now.",
        _STOPPED,
    ),
    Reason.INTERNAL: Explanation(
        "Something went wrong inside me[: {detail}].",
        "Whoever runs me finds it in my log.",
        "Nothing more was started.",
    ),
}

SENTENCES: dict[str, str] = {
    # what a run is, in a headline
    "action.deploy": "Deploy",
    "action.rollback": "Roll back",
    "action.backup": "Back up",
    "action.restore": "Restore",
    "action.migrate-status": "Migration status",
    "headline": "{emoji} *{action} {target}*",
    "notification": "{action} {target}: {state} ({run})",
    # states
    "state.queued": "waiting in line",
    "state.planning": "preparing",
    "state.awaiting_approval": "needs approval",
    "state.running": "running",
    "state.verifying": "checking the result",
    "state.succeeded": "done",
    "state.nothing_to_do": "nothing to do",
    "state.failed": "failed",
    "state.rejected": "rejected",
    "state.expired": "expired",
    "state.cancelled": "cancelled",
    "state.cancelling": "being cancelled",
    "state.needs_human": "needs a decision",
    "state.dry_run": "dry run done",
    # the card
    "card.asked": "`{run}` · asked by {who} · {when}",
    "card.now": "*{state}*[ · {news}]",
    "card.queue.one": "next on {target}",
    "card.queue.other": "place {n} on {target}, one run at a time",
    "card.looking": "reading the hosts and the database",
    "card.step": "step {n} of {m}: *{title}*[ · {elapsed}][ · {left}]",
    "card.left": "about {seconds} left",
    "card.longer": "longer than usual ({usual})",
    "card.gate": "👉 {who}: react {emoji} in the thread[, until {until}]",
    "card.given": "{given} of {needed} so far",
    "card.held": "👉 {wrong}",
    "card.cancelling": "{who} asked for it; the running step is being ended",
    "card.succeeded": "{seconds}[ · site down for {downtime}]",
    "card.nothing": "it is already as asked",
    "card.dry_run": "the plan is in the thread; nothing was changed",
    "card.unchanged": "Nothing in production was changed.",
    "card.ref": "`{ref}`",
    "card.commit": "`{sha}` {subject}",
    # the plan
    "plan.title": "*Plan* for {target}",
    "plan.notification": "Plan for {target}[: {what}] ({run})",
    "plan.moves": "`{old}` → `{new}` · {commits}",
    "plan.commits.one": "{n} commit",
    "plan.commits.other": "{n} commits",
    "plan.commit": "• `{sha}` {subject}[ — {author}]",
    "plan.more.one": "_and {n} more_",
    "plan.more.other": "_and {n} more_",
    "plan.migrations.one": "*{n} migration to run*",
    "plan.migrations.other": "*{n} migrations to run*",
    "plan.migrations.none": "No migrations to run.",
    "plan.undo.one": "*{n} migration to undo*",
    "plan.undo.other": "*{n} migrations to undo*",
    "plan.destructive": "⚠️ *It drops or rewrites data.*",
    "plan.backup": "💾 Backup `{id}`[ · {size}] · checked[ · sha256 `{sha}`]",
    "plan.backup.planned": "💾 Backup `{id}` is made first.",
    "plan.backup.none": "No backup is made for this run.",
    "plan.downtime": "🔧 The site is down from step {first} to step {last}[, about {seconds}].",
    "plan.downtime.none": "The site stays up.",
    "plan.steps": "*Steps after approval*[ on {places}]",
    "plan.steps.none": "No step changes anything.",
    "plan.step": "{n}. {title}[ · {places}]",
    "plan.skipped": "Not needed: {what}",
    "plan.skip": "{title}[ ({why})]",
    "plan.digest": "plan `{digest}`",
    "finding.resume": "⏯️ It goes on after run `{run}`[, which stopped at *{step}*].",
    "finding.rollback": "↩️ It goes back to the code of then[, and undoes {migrations}: what they added is lost].",
    "finding.session": "🔒 {user} has a transaction open for {seconds} s (session {id})[: `{query}`]. It can block.",
    "finding.already_down": "🚧 The site is in maintenance already on {hosts}. This run leaves that as it is.",
    "finding.held_back": "⏸️ Migrations are left out: {migrations}",
    "plan.finding": "ℹ️ {name}: {what}",
    # the request to approve
    "approval.open": "✋ *{needed} to {action} {target}*",
    "approval.needed.one": "{n} approval needed",
    "approval.needed.other": "{n} approvals needed",
    "approval.approved": "✅ *Approved: {action} {target}*",
    "approval.rejected": "⛔ *Rejected: {action} {target}*",
    "approval.expired": "⌛ *Expired: {action} {target}*",
    "approval.void": "⚠️ *The approval is void: {action} {target}*",
    "approval.closed": "*No longer asked for: {action} {target}*",
    "approval.who": "From {who}[ and {n} more].[ {asker}, who asked, cannot approve it.]",
    "approval.anyone": "anybody in this workspace",
    "approval.how": "{approve} approves, {reject} rejects[ · until {until}].",
    "approval.calm": "Nothing in production has changed yet. What you approve is exactly the plan above, `{digest}`.",
    "approval.by": "Approved by {who} ({given} of {needed}).",
    "approval.rejected_by": "Rejected by {who}. Nothing in production was changed.",
    "approval.expired_note": "Nobody decided in time. Nothing in production was changed.",
    "approval.void_note": "What differs from the plan that was approved:",
    "approval.evidence": "[`{sha}` {subject}]",
    "approval.notification": "{needed} to {action} {target} ({run})",
    "approval.notification_closed": "{action} {target}: {state} ({run})",
    "moved.line": "• {name}: [was `{was}`, ][is `{now}`]",
    # progress
    "progress.title": "*Progress*[ · {done} of {all} steps]",
    "progress.none": "*Progress*\nReading the hosts and the database.",
    "progress.notification": "{target}: {what} ({run})",
    "progress.step": "{emoji} {title}[ · {places}][ · {elapsed}][ · {note}]",
    "progress.usual": "usually {seconds}",
    "progress.attempt": "attempt {n}",
    "progress.exit": "exit status {status}",
    "progress.output": "Last lines of *{title}*[ on `{host}`]:",
    "progress.unknown": "outcome not known",
    "progress.more.other": "_{n} more steps are not shown; the log has all of them._",
    "progress.more.one": "_{n} more step is not shown; the log has it._",
    # the outcome
    "result.succeeded": "🎉 {who} *{target} is live.*",
    "result.done": "✅ {who} *{action} {target}: done.*",
    "result.nothing": "✅ {who} *Nothing to do:* {target} is already as asked.",
    "result.dry_run": "✅ {who} *Dry run of {target}:* the plan is above. Nothing was changed.",
    "result.failed": "❌ {who} *{action} {target} failed.*",
    "result.rejected": "⛔ {who} *{action} {target} was rejected.*",
    "result.expired": "⌛ {who} *{action} {target} expired.*",
    "result.cancelled": "🚫 {who} *{action} {target} was cancelled.*",
    "result.needs_human": "🆘 {who} *{action} {target}: a person must decide.*",
    "result.notification": "{action} {target}: {state}[ in {seconds}] ({run})",
    "result.took": "{seconds}",
    "result.downtime": "site down for {seconds}",
    "result.no_downtime": "site stayed up",
    "result.backup": "backup `{id}`",
    "result.commit": "`{sha}` {subject}",
    "result.facts": "*As it is now*",
    "result.fact": "• {name}: {what}",
    "result.moves": "*What you can do*",
    "result.maintenance_on": "*on* — the site is down",
    "result.maintenance_before": "on, as it was before this run",
    "result.maintenance_off": "off — the site is up",
    "result.maintenance_unknown": "not known — look at the site",
    "result.schema_unknown": "*may be half-migrated* — compare it before anything else",
    "result.schema_done": "the migrations ran",
    "result.schema_untouched": "not touched",
    "result.not_started.one": "{n} step was not started: {what}",
    "result.not_started.other": "{n} steps were not started: {what}",
    "result.move_again": "• *Retry the step* starts it again and goes on behind it.",
    "result.move_done": "• *It is done* goes on behind it, once you have seen to it on the host.",
    "result.move_lift": "• *Lift maintenance* brings the site up as it is, and nothing else.",
    "result.move_retry": "• *Retry* makes a new plan from what is there now.",
    "result.move_close": "• Mend it on the host, then *Close this run* so that the next one can start.",
    "result.move_backup": "• The data before this run is in backup `{id}`.",
    "result.move_log": "• The whole log is in this thread as a file.",
    "unchanged": "Nothing in production was changed.",
    # buttons
    "button.cancel": "Cancel",
    "button.close": "Close this run",
    "button.log": "Open log",
    "button.retry": "Retry",
    "button.rollback": "Roll back",
    "button.resume_retry": "Retry the step",
    "button.resume_done": "It is done",
    "button.resume_lift": "Lift maintenance",
    "button.share": "Share in the channel",
    # /migrate-status
    "status.fine.one": "✅ The schema is up to date: {n} migration, none pending.",
    "status.fine.other": "✅ The schema is up to date: {n} migrations, none pending.",
    "status.waiting.one": "🟡 {n} migration waits on `{branch}` for the next deploy.",
    "status.waiting.other": "🟡 {n} migrations wait on `{branch}` for the next deploy.",
    "status.live.one": "🔴 The live code has {n} migration that did not run.",
    "status.live.other": "🔴 The live code has {n} migrations that did not run.",
    "status.missing.one": "🟠 {n} migration ran whose file is in no commit here.",
    "status.missing.other": "🟠 {n} migrations ran whose files are in no commit here.",
    "status.at_live": "Not run, live at `{sha}`:",
    "status.at_branch": "Not run, on `{branch}` at `{sha}`:",
    "status.gone": "Ran, but the file is missing:",
    "status.branch_unknown": "`{branch}` was never fetched here, so what waits on it is not known.",
    "status.clear": "Nothing stands in the way now.",
    "status.cannot_see": "No transaction of ours stands in the way; the database user may not see those of others.",
    "status.open": "🔒 {user} has a transaction open for {seconds} (session {id})[: `{query}`]. It can block.",
    "status.waits": "⏳ {user} waits for a metadata lock since {seconds} (session {id})[: `{query}`].",
    "status.up": "Maintenance is off.",
    "status.down": "🚧 *Maintenance is on* on {hosts}.",
    "status.going": "▶️ Run `{run}` is going on now.",
    "status.deploy.last": "Last deploy: {emoji} `{run}`[ · `{sha}`] · {when}",
    "status.deploy.none": "No deploy that I remember.",
    "status.backup.last": "Last backup: `{id}` · {when}",
    "status.backup.none": "No backup that I remember.",
    "status.ran.one": "{n} ran",
    "status.ran.other": "{n} ran",
    "status.batch": "last: {name}",
    "status.size": "{size} of data",
    "status.free": "{size} free",
    "status.shared": "Shared by {who}. As it was then; nothing was changed.",
    "confirm.cancel.title": "Cancel {run}?",
    "confirm.cancel.before": "Nothing in production has changed yet. The run ends.",
    "confirm.cancel.during": "The running step is ended on the host and no later step starts. "
    "What it did so far stays, and I will say in which state that leaves things.",
    "confirm.cancel.yes": "Cancel the run",
    "confirm.cancel.no": "Let it go on",
    "confirm.close.title": "Close {run}?",
    "confirm.close.text": "I change nothing more. Maintenance and schema stay as they are; the next run can start.",
    "confirm.close.yes": "Close it",
    "confirm.close.no": "Keep it open",
    # answers to one person
    "notice.is_requester": "Your {emoji} does not count: you asked for this run, somebody else must countersign it.",
    "notice.not_eligible": "Your {emoji} does not count: {who} may approve this run.",
    "notice.not_a_member": "Your {emoji} does not count: only active, full members of this workspace can approve.",
    "notice.lookup_failed": "Your {emoji} does not count yet: Slack did not say whether you belong to {who}. "
    "Take it back and react again in a minute.",
    "notice.contradicts_itself": "Your emoji do not count: you approve and reject at once. Take one of them back.",
    "notice.emoji": "emoji",
    "answer.unknown_command": "I do not know `{command}`. I know {known}. Nothing was started.",
    "answer.stale": "You asked `{typed}` {when}, and I was stopped before I got to it. Nothing was started; ask again "
    "if you still want it.",
    "answer.failed": "I could not do that: something went wrong inside me. Whoever runs me finds it in my log. "
    "If no card has appeared, nothing was started.",
    "answer.run_gone": "There is no run `{run}` any more.",
    "answer.log_empty": "`{run}` has no output yet.",
    "answer.log": "The last lines of `{run}`[ ({title})]:[ {where}]",
    "answer.log_file": "The whole log is a file in the thread.",
    "log.title": "Log of {run}",
    "log.heading": "{title}[ on {place}][, attempt {attempt}]",
    "log.gap": "(… {n} bytes are not kept here; the journal on the host has them …)",
    "log.cut": "(… the log goes on; countersign runs log {run} shows all that is kept …)",
    # the form
    "form.title": "Deploy",
    "form.submit": "Plan it",
    "form.close": "Never mind",
    "form.target": "What to deploy",
    "form.target.choose": "Choose an app and an environment",
    "form.ref": "Branch, tag or commit",
    "form.ref.empty": "the environment's own branch",
    "form.options": "Options",
    "form.dry_run": "Dry run: show the plan, change nothing",
    "form.no_migrate": "Leave the migrations out",
    "form.what": "I look first and show a plan in a thread. Nothing changes before the right people countersign it.",
    # App Home
    "home.title": "Countersign",
    "home.intro": "I operate production. Nothing changes before the right people countersign it. In a channel, type:",
    "home.command": "• `{usage}` – {description}",
}

FACTS: dict[str, str] = {
    "maintenance": "Maintenance",
    "schema": "Schema",
    "sha": "Commit",
    "head": "Commit that is live",
    "pending": "Pending migrations",
    "sessions": "Open database sessions",
    "services": "Services",
}

ENGLISH = Language(SENTENCES, REASONS, FACTS)
