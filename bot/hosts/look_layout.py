"""The part of a look that finds out how code lies in a folder, and who laid it out. It changes nothing."""

from __future__ import annotations

from bot.domain.targets.layout import FoundLayout, Layouts

SURVEY = r"""
section lies
lies=nothing sha='' live='' link=$(readlink "$survey/current" 2>/dev/null)
real=$(cd -- "$survey/current" 2>/dev/null && pwd -P) || real=
[ -d "$survey" ] && [ -z "$(ls -A -- "$survey" 2>/dev/null)" ] && lies=empty
commit_at() {
  if [ -e "$1/.git" ]; then git -C "$1" -c core.fsmonitor=false rev-parse --verify --quiet 'HEAD^{commit}' 2>/dev/null
  elif [ -f "$1/REVISION" ]; then head -c 100 "$1/REVISION" | tr -d ' \r\n'
  fi
}
if [ -e "$survey/.git" ] && [ ! -L "$survey/public" ]; then
  lies=checkout sha=$(commit_at "$survey")
elif [ -n "$link" ] && [ -n "$real" ]; then
  live=${link##*/} sha=$(commit_at "$real")
  kept=$(sed -n 's/^gitdir: //p' "$real/.git" 2>/dev/null)
  if [ -n "$kept" ] && [ -e "$kept/countersign-ready" ]; then
    lies=releases
    if [ -e "$survey/.git" ]; then
      lies=half
      [ ! -L "$survey/artisan" ] || lies=converted
    fi
  elif [ -d "$survey/.dep" ]; then lies=deployer
  elif [ -d "$survey/repo" ] || [ -f "$survey/revisions.log" ]; then lies=capistrano
  elif [ -d "$survey/releases" ]; then lies=envoyer
  fi
fi
value "$lies"
value "$sha"
value "$live"
"""


def parse_survey(values: tuple[str, ...]) -> FoundLayout | None:
    """Read what `SURVEY` printed.

    Args:
        values: of its section; none where it was not asked.
    """
    lies, sha, live = (*values, "", "", "")[:3]
    if lies not in {one.value for one in Layouts}:
        return None
    return FoundLayout(Layouts(lies), sha, live)
