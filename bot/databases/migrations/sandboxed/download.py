"""The step that downloads the packages of a release before anybody approved it; nothing of them is unpacked or run."""

from __future__ import annotations

from bot.databases.backups.script_step import act_of
from bot.databases.migrations.patient_reader import PatientReader
from bot.databases.migrations.sandboxed.packages import Allowed, PackagesAnswer, Refused, Unchanged, packages_of
from bot.databases.migrations.sandboxed.packages_script import fetch_text, lock_files_of, lock_files_question
from bot.databases.ports import HostReader, HostRunner
from bot.domain.errors import Reason, RefusedError, problem
from bot.domain.runs.acts import Download
from bot.domain.shell import Command, Syntax, Word, command
from bot.engine.ports import Effect, Ending, Failed, Job, Outcome, Output

_LATER = "They are downloaded behind the gate instead."

# In the release's own git folder: it goes with the release, and is no file of it.
_FETCH = """
cd -- "$(git rev-parse --absolute-git-dir)" || exit 1
sh -c "$fetch" || { rm -rf -- .countersign-composer; echo "$later"; }
"""


class DownloadPerformer:
    """Downloads packages into the folder of a release. Implements `Performer`.

    What may not be downloaded before an approval, or cannot be, is downloaded behind the gate by the recipe's own step.

    Args:
        runner: runs the script detached.
        reader: reads lock files.
    """

    def __init__(self, runner: HostRunner, reader: HostReader) -> None:
        self._runner = runner
        self._reader = PatientReader(reader)

    async def perform(self, job: Job, output: Output) -> Outcome:
        """Read which packages may be downloaded, and start or adopt the download."""
        act = act_of(job, Download)
        try:
            answer = await self._reader.read(job.place, lock_files_question(job.target.path, act.sha))
            packages = packages_of(lock_files_of(answer), job.target.packages_from)
        except RefusedError as refused:
            return Failed(refused.problem)
        except ValueError as error:
            return Failed(problem(Reason.HOST_UNREACHABLE, host=job.place, detail=str(error)))
        script = download_script(packages, job.target.path)
        return await self._runner.perform(job, script, act.directory, {}, output, act.sha)

    async def resume(self, job: Job, output: Output) -> Outcome:
        """As `perform`, but never start it."""
        return await self._runner.resume(job, output)

    async def check(self, job: Job) -> Effect:
        """Leave the decision to a repetition: what was downloaded before is removed first."""
        return Effect.CANNOT_TELL

    async def end(self, job: Job) -> Ending:
        """End the download."""
        return await self._runner.end(job)


def download_script(packages: PackagesAnswer, path: str) -> Command:
    """Write the script that downloads what may be downloaded; it runs in the release's folder.

    Args:
        packages: what the lock files say.
        path: of the live release, whose `auth.json` may hold credentials.
    """
    match packages:
        case Unchanged() | Allowed(packages=()):
            return command("echo", "There is nothing to download.")
        case Refused(package=package, host=host, why=why):
            at = f" ({host})" if host else ""
            return command("echo", f"{package}{at} {why}. {_LATER}")
        case Allowed():
            fetch = fetch_text(packages, path)
            parts = (Syntax("fetch="), Word(fetch), Syntax("\nlater="), Word(_LATER), Syntax(_FETCH))
            return Command(parts)
