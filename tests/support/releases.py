"""An application with `layout: releases`, made of a checkout in the documented way."""

import asyncio
import re
from pathlib import Path

from bot.demo.application.application import Application

_SCRIPTS = re.findall(r"```sh\n(set -eu.*?)```", Path("docs/releases.md").read_text(), re.DOTALL)

_FOLLOWS = """<?php
// As nginx does with $realpath_root: each request is answered by the folder that is live when it comes.
clearstatcache(true);
$live = realpath('{root}/current');
chdir("$live/public");
require "$live/public/index.php";
"""


async def releases_of(laravel: Application) -> Path:
    """Make releases of a checkout, which stays as it is.

    Args:
        laravel: the application.

    Returns:
        The folder with `current`.
    """
    root = laravel.folder / "srv" / "compte"
    [script] = _SCRIPTS
    script = script.replace("/var/www/compte", str(laravel.path)).replace("/srv/compte", str(root))
    process = await asyncio.create_subprocess_exec("sh", "-c", script, env=dict(laravel.environment))
    assert await process.wait() == 0
    return root


def front_of(root: Path) -> Path:
    """Make a folder whose `public` serves the live release, for a web server.

    Args:
        root: the folder with `current`.
    """
    front = root.parent / "front"
    (front / "public").mkdir(parents=True)
    (front / "public" / "index.php").write_text(_FOLLOWS.replace("{root}", str(root)))
    return front
