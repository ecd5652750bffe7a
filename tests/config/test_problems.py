"""Each mistake gives exactly these lines."""
# ruff: noqa: E501 - a mistake and its lines read best side by side

from __future__ import annotations

import pytest

from tests.config.support.example import RIGHT, changed, problems

ED25519 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
ENV = "apps.compte.environments.production"

MISTAKES = {
    # names
    "host": ("hosts: [web1]", "hosts: [web9]", [f"25: {ENV}.hosts[0]: unknown host 'web9'; did you mean 'web2'?"]),
    "no near host": (
        "hosts: [web1]",
        "hosts: [zzz]",
        [f"25: {ENV}.hosts[0]: unknown host 'zzz'; there is: web1, web2"],
    ),
    "policy": (
        "policy: careful",
        "policy: carful",
        [f"24: {ENV}.policy: unknown policy 'carful'; did you mean 'careful'?"],
    ),
    "people": (
        "from: [releasers]",
        "from: [releaser]",
        [
            "14: policies.careful.approve.deploy.from[0]: unknown people 'releaser'; did you mean 'releasers'?",
        ],
    ),
    "recipe": (
        "recipe: laravel",
        "recipe: larval",
        ["20: apps.compte.recipe: unknown recipe 'larval'; did you mean 'laravel'?"],
    ),
    "variable of a recipe": (
        "          services: [php-fpm]",
        "          colour: red",
        [f"31: {ENV}.vars.colour: the recipe does not ask for it"],
    ),
    "signatures without a key": (
        "      deploy: {count: 1,",
        "      deploy: {signed: true, count: 1,",
        [
            "14: policies.careful.approve.deploy.signed: asks for signatures, but `signers` and `signers_file` name no key; "
            "it could never open"
        ],
    ),
    "keys of signers": (
        "version: 1\n",
        "version: 1\nsigners: {bob: [ssh-ed25519 AAAA], U0BOB: [ssh-ed25519 AAAA], U0EVE: []}\n",
        [
            "2: signers.U0BOB[0]: the key is damaged or cut short",
            "2: signers.U0EVE: must not be empty",
            "2: signers.bob: 'bob' is no Slack user's ID (U…); in Slack, *Copy member ID* in the person's profile gives it",
            "2: signers.bob[0]: the key is damaged or cut short",
        ],
    ),
    "a key of two signers": (
        "version: 1\n",
        "version: 1\nsigners: {U0BOB: [KEY one], U0EVE: [KEY two]}\n".replace("KEY", ED25519),
        ["2: signers.U0EVE: U0BOB has the same key, so that one signature would count for both"],
    ),
    "command": (
        "rollback: [anyone]",
        "rolback: [anyone]",
        ["12: policies.careful.run.rolback: unknown command 'rolback'; did you mean 'rollback'?"],
    ),
    "approval of what changes nothing": (
        "      deploy: {count: 1,",
        "      migrate-status: {count: 1, from: [releasers]}\n      deploy: {count: 1,",
        [
            "14: policies.careful.approve.migrate-status: unknown approval 'migrate-status'; "
            "there is: backup, deploy, destructive-migration, override, restore, rollback"
        ],
    ),
    "an age that only a proof can keep": (
        'password: "${PASSWORD}"}\n        backups: {directory: /var/backups, schedule: "0 3 * * *", keep: {daily: 7}}',
        'password: "${PASSWORD}", scratch: false}\n        backups: {directory: /var/backups, max_age: 26h}',
        [
            f"28: {ENV}.database.scratch: must not be false: `max_age` asks for a proven backup, and without a copy "
            "none is ever proven"
        ],
    ),
    "a size without a unit": (
        "keep: {daily: 7}}",
        "mydumper_from: '500'}",
        [f"29: {ENV}.backups.mydumper_from: not a size; write a number and MiB, GiB or TiB, such as 500MiB or 10GiB"],
    ),
    "a call that nobody hears": (
        "keep: {daily: 7}}",
        "alert: [anyone]}",
        [f"29: {ENV}.backups.alert: `anyone` cannot be called; name people, lists or user groups"],
    ),
    "a call to somebody unknown": (
        "keep: {daily: 7}}",
        "alert: [releaser]}",
        [f"29: {ENV}.backups.alert[0]: unknown people 'releaser'; did you mean 'releasers'?"],
    ),
    "via": ("via: web1", "via: web3", [f"28: {ENV}.database.via: unknown host 'web3'; did you mean 'web2'?"]),
    "jump": ("jump: web1", "jump: bastion", ["9: hosts.web2.jump: unknown host 'bastion'; there is: web1, web2"]),
    "people in a list": (
        "[U0AMELIE, U0BOB]",
        "[U0AMELIE, bob]",
        ["3: people.engineers[1]: unknown people 'bob'; there is: anyone, engineers, releasers"],
    ),
    # keys
    "unknown key": (
        "branch: main",
        "branch: main\n        brnch: x",
        [f"28: {ENV}.brnch: unknown key; did you mean 'branch'?"],
    ),
    "unknown key at the top": (
        "version: 1",
        "version: 1\ncolour: red",
        [
            "2: colour: unknown key; known here: version, emoji, people, signers, signers_file, hosts, policies, apps, "
            "notify"
        ],
    ),
    "missing key": ("        branch: main\n", "", [f"23: {ENV}.branch: missing"]),
    "key twice": (
        "branch: main",
        "branch: main\n        branch: dev",
        [f"28: {ENV}.branch: given twice; it stands on line 27 already"],
    ),
    "no value": ("branch: main", "branch:", [f"27: {ENV}.branch: there is no value; fill it in or leave the key out"]),
    # types
    "text for a number": ("port: 2222", "port: many", ["9: hosts.web2.port: expected a whole number, found text"]),
    "quoted number": (
        "port: 2222",
        'port: "2222"',
        ["9: hosts.web2.port: expected a whole number, found text; take the quotes off"],
    ),
    "port too high": ("port: 2222", "port: 70000", ["9: hosts.web2.port: must be at most 65535"]),
    "number for text": (
        "branch: main",
        "branch: 12",
        [f"27: {ENV}.branch: expected text, found a whole number; put it in quotes"],
    ),
    "date for text": (
        "branch: main",
        "branch: 2026-11-22",
        [f"27: {ENV}.branch: expected text, found a date; put it in quotes"],
    ),
    "text for a list": (
        "hosts: [web1]",
        "hosts: web1",
        [f"25: {ENV}.hosts: expected a list, such as [a, b], found text"],
    ),
    "list for a mapping": (
        "{deploy: if-migrations}",
        "[deploy]",
        ["15: policies.careful.backup_before: expected a mapping (key: value), found a list"],
    ),
    "yaml 1.1 boolean": (
        "expires: 30m}",
        "expires: 30m, self: yes}",
        ["14: policies.careful.approve.deploy.self: expected true or false, found text"],
    ),
    "version": ("version: 1", "version: 2", ["1: version: must be 1"]),
    "wrong date": ("branch: main", "branch: 2026-99-99", [f"27: {ENV}.branch: this is not a date; put text in quotes"]),
    # values
    "duration": (
        "expires: 30m",
        "expires: 30 min",
        [
            "14: policies.careful.approve.deploy.expires: not a duration; "
            "write a number and s, m, h or d, such as 90s, 30m, 24h or 7d"
        ],
    ),
    "duration without a unit": (
        "expires: 30m",
        "expires: 30",
        ["14: policies.careful.approve.deploy.expires: a duration needs a unit; write 30m for minutes, or s, h or d"],
    ),
    "an empty password": (
        '"${PASSWORD}"',
        '""',
        [f"28: {ENV}.database.password: is empty; set its variable in the environment or in .env"],
    ),
    "an address that is a URL": (
        "a.example.com",
        "https://a.example.com",
        ["7: hosts.web1.address: must be a host's name or IP address alone, without `https://`, user or path"],
    ),
    "an address that cannot be one": (
        "a.example.com",
        "10.0.0.300",
        ["7: hosts.web1.address: looks like an IP address and cannot be one"],
    ),
    "an address with a port": (
        "a.example.com",
        "a.example.com:2222",
        ["7: hosts.web1.address: must not have a port; `port:` is a key of its own"],
    ),
    "duration of nothing": (
        "expires: 30m",
        "expires: 0s",
        ["14: policies.careful.approve.deploy.expires: a duration must be longer than nothing and at most 366d"],
    ),
    "cron": (
        '"0 3 * * *"',
        '"0 25 * * *"',
        [
            f"29: {ENV}.backups.schedule: not a cron expression: error validating expression '25': "
            "the last value (25) is higher than the maximum value (23)"
        ],
    ),
    "cron of two minds": (
        '"0 3 * * *"',
        '"0 3 1 * 1"',
        [
            f"29: {ENV}.backups.schedule: give a day of the month or a weekday, not both: "
            "cron fires on either, others on both"
        ],
    ),
    "time zone": (
        "Europe/Paris",
        "Paris",
        ["17: policies.careful.freeze[0].timezone: unknown time zone 'Paris'; did you mean 'Europe/Paris'?"],
    ),
    "week time": (
        '"Fri 16:00"',
        '"Friday 4pm"',
        [
            "17: policies.careful.freeze[0].from: not a time of the week; "
            "write Mon, Tue, Wed, Thu, Fri, Sat or Sun and a time, such as Fri 16:00"
        ],
    ),
    "empty freeze": (
        '"Mon 08:00"',
        '"Fri 16:00"',
        ["17: policies.careful.freeze[0]: begins and ends at the same minute; it would freeze nothing"],
    ),
    "channel": (
        "[C0OPS]",
        '["#ops"]',
        [
            "21: apps.compte.channels[0]: not a channel's ID; Slack shows it (C… or G…) at the foot of the channel's "
            "details, not its name"
        ],
    ),
    "no channel": ("[C0OPS]", "[]", ["21: apps.compte.channels: must not be empty"]),
    "path": ("/var/www/compte", "www", [f"26: {ENV}.path: must be an absolute path, starting with `/`"]),
    "climbing path": ("/var/www/compte", "/var/../etc", [f"26: {ENV}.path: must not have `..` in it"]),
    "branch": ("branch: main", "branch: --force", [f"27: {ENV}.branch: not a name that git allows for a branch"]),
    "address": (
        "address: a.example.com",
        "address: -oProxyCommand=x",
        ["7: hosts.web1.address: must be one word without blanks, and not start with `-`"],
    ),
    "unsafe name": (
        "      production:",
        '      "../x":',
        [
            '23: apps.compte.environments."../x": a name is made of letters a to z, digits, `.`, `_` and `-`; '
            "it begins with a letter or digit"
        ],
    ),
    "reserved name": (
        "  releasers: [U0BOB, U0CLEO]",
        "  releasers: [U0BOB, U0CLEO]\n  anyone: [U0BOB]",
        ["5: people.anyone: `anyone` is a word of its own and means everybody; choose another name"],
    ),
    "a list named like an ID": (
        "  releasers: [U0BOB, U0CLEO]",
        "  releasers: [U0BOB, U0CLEO]\n  U0EVA: [U0BOB]",
        ["5: people.U0EVA: this looks like Slack's ID of a user or a group; choose a name in small letters"],
    ),
    "host twice": ("hosts: [web1]", "hosts: [web1, web1]", [f"25: {ENV}.hosts: 'web1' is listed twice"]),
    "emoji by number": (
        "version: 1",
        "version: 1\nemoji: {approve: [+1]}",
        ["2: emoji.approve[0]: expected text, found a whole number; put it in quotes"],
    ),
    "emoji that is none": (
        "version: 1",
        'version: 1\nemoji: {approve: ["✅✅"], reject: ["☑✅ done"]}',
        [
            "2: emoji.approve[0]: not the name of an emoji; write it as Slack does, without colons: white_check_mark",
            "2: emoji.reject[0]: not the name of an emoji; write it as Slack does, without colons: white_check_mark",
        ],
    ),
    "emoji for both, once by its character": (
        "version: 1",
        'version: 1\nemoji: {approve: ["👍"], reject: [thumbsup]}',
        ["2: emoji.reject[0]: 'thumbsup' would approve and reject"],
    ),
    "emoji for both": (
        "version: 1",
        'version: 1\nemoji: {approve: [thumbsup], reject: ["+1"]}',
        ["2: emoji.reject[0]: '+1' would approve and reject"],
    ),
    # variables
    "missing variable": (
        '"${PASSWORD}"',
        '"${PASSWRD}"',
        [f"28: {ENV}.database.password: missing variable PASSWRD: set it in the environment or in .env"],
    ),
    "two missing variables": (
        '"${PASSWORD}"',
        '"${AA}${BB}"',
        [
            f"28: {ENV}.database.password: missing variable AA: set it in the environment or in .env",
            f"28: {ENV}.database.password: missing variable BB: set it in the environment or in .env",
        ],
    ),
    "miswritten variable": (
        '"${PASSWORD}"',
        '"${PASS WORD}"',
        [
            f"28: {ENV}.database.password: `${{` must be followed by the name of a variable and `}}`; "
            "a dollar sign itself is `$$`"
        ],
    ),
    # rules
    "jump loop": (
        "    address: a.example.com",
        "    address: a.example.com\n    jump: web2",
        [
            "8: hosts.web1.jump: the host is reached through itself: web1 → web2 → web1",
            "10: hosts.web2.jump: the host is reached through itself: web2 → web1 → web2",
        ],
    ),
    "people loop": (
        "[U0BOB, U0CLEO]",
        "[U0BOB, U0CLEO, releasers]",
        ["4: people.releasers: the list contains itself: releasers → releasers"],
    ),
    "too many approvals": (
        "count: 1",
        "count: 3",
        [
            "14: policies.careful.approve.deploy.count: asks for 3 approvals, but `from` names 2 in all; it could never open"
        ],
    ),
    "too many approvals without the requester": (
        "{count: 1, from: [releasers]",
        "{count: 2, from: [engineers]",
        [
            "14: policies.careful.approve.deploy.count: asks for 2 approvals, but without the requester only 1 of `from` "
            "can give one; it could never open (name more people, or set self: true)"
        ],
    ),
    "a list of nobody": (
        "releasers: [U0BOB, U0CLEO]",
        "releasers: []",
        [
            "14: policies.careful.approve.deploy.count: asks for 1 approval, but `from` names 0 in all; it could never open"
        ],
    ),
    "nobody may approve": (
        "{count: 1, from: [releasers], expires: 30m}",
        "{count: 1}",
        ["14: policies.careful.approve.deploy.from: missing; name who may approve"],
    ),
    "negative count": ("count: 1", "count: -1", ["14: policies.careful.approve.deploy.count: must be at least 1"]),
    "a gate that asks for nobody": (
        "count: 1",
        "count: 0",
        ["14: policies.careful.approve.deploy.count: must be at least 1"],
    ),
    "backups without database": (
        '        database: {via: web1, host: 127.0.0.1, name: compte, user: compte, password: "${PASSWORD}"}\n',
        "",
        [f"28: {ENV}.backups: there is no `database` here to back up"],
    ),
    "rehearsing on data without a copy": (
        'password: "${PASSWORD}"}',
        'password: "${PASSWORD}", scratch: false, rehearse: data}',
        [f"28: {ENV}.database.rehearse: nothing is rehearsed with `scratch: false` beside it"],
    ),
    "copies somewhere else": (
        'password: "${PASSWORD}"}',
        'password: "${PASSWORD}", scratch: beside}',
        [
            f"28: {ENV}.database.scratch: must be private, true, false, or {{host, port, user, password}} of another server"
        ],
    ),
    "copies on the live server": (
        'password: "${PASSWORD}"}',
        'password: "${PASSWORD}", scratch: {host: 127.0.0.1, user: r, password: "${PASSWORD}"}}',
        [f"28: {ENV}.database.scratch.host: is the live server; name another one, which reaches nothing live"],
    ),
    "half a server for copies": (
        'password: "${PASSWORD}"}',
        'password: "${PASSWORD}", scratch: {host: b.example.com, user: r, pasword: x, port: 0}}',
        [
            f"28: {ENV}.database.scratch.password: missing",
            f"28: {ENV}.database.scratch.pasword: unknown key; did you mean 'password'?",
            f"28: {ENV}.database.scratch.port: must be at least 1",
        ],
    ),
    "an empty sample": (
        'password: "${PASSWORD}"}',
        'password: "${PASSWORD}", sample_rows: 0, copy_up_to: 128}',
        [
            f"28: {ENV}.database.copy_up_to: expected text, found a whole number; put it in quotes",
            f"28: {ENV}.database.sample_rows: must be at least 1",
        ],
    ),
    "a way to rehearse that there is not": (
        "    freeze:",
        "    rehearsal: sandboxed\n    freeze:",
        ["16: policies.careful.rehearsal: unknown way to rehearse 'sandboxed'; did you mean 'sandbox'?"],
    ),
    "nobody who decides": (
        "    freeze:",
        "    decide: []\n    freeze:",
        ["16: policies.careful.decide: must not be empty"],
    ),
    "a repository that is no page": (
        "    recipe: laravel",
        "    recipe: laravel\n    repository: https://user:password@git.example.com/a|b>",
        [
            "21: apps.compte.repository: must be the https:// address of the repository's page, such as "
            "https://github.com/acme/compte"
        ],
    ),
    "a repository in the clear, elsewhere than here": (
        "    recipe: laravel",
        "    recipe: laravel\n    repository: http://127.evil.example.com/acme/compte",
        [
            "21: apps.compte.repository: must be the https:// address of the repository's page, such as "
            "https://github.com/acme/compte"
        ],
    ),
    "checks of no forge": (
        "    recipe: laravel",
        "    recipe: laravel\n    checks: [tests]\n    forge: gitlab",
        [
            "21: apps.compte.checks: needs `repository`, the page of the repository at its forge",
            "22: apps.compte.forge: needs `repository`, the page of the repository at its forge",
        ],
    ),
    "checks of a forge that cannot be asked": (
        "    recipe: laravel",
        "    recipe: laravel\n    repository: https://bitbucket.org/acme/compte\n    checks: [tests]",
        ["22: apps.compte.checks: checks are read at GitHub and GitLab alone; leave them out for this forge"],
    ),
    "checks without names": (
        "    recipe: laravel",
        "    recipe: laravel\n    repository: https://github.com/acme/compte\n    forge: gitea\n    checks: ['', a, a]",
        [
            "22: apps.compte.forge: unknown forge 'gitea'; did you mean 'gitlab'?",
            "23: apps.compte.checks[0]: must not be empty",
        ],
    ),
    "receivers that nobody allowed": (
        "version: 1",
        "version: 1\nnotify:\n"
        "  - {url: 'http://hooks.example.com/', secret: s, events: [run.suceeded]}\n"
        "  - {url: 'https://10.0.0.5/x', secret: s}\n"
        "  - {url: 'https://user:pw@hooks.example.com/', secret: ''}\n"
        "  - {url: 'https://h.example.com', secret: s, kind: sentri, apps: [compta], events: []}\n"
        "  - {url: 'https://[::1]/x', secret: s, project: p}\n"
        "  - {url: 'https://a.example.com/x', secret: s}\n"
        "  - {url: 'https://a.example.com/x/', secret: t}",
        [
            "3: notify[0].events[0]: unknown event 'run.suceeded'; did you mean 'run.succeeded'?",
            "3: notify[0].url: must be https://; http:// is for receivers with `allow_private: true`",
            "4: notify[1].url: 10.0.0.5 is in a private network; say `allow_private: true` where that is meant",
            "5: notify[2].secret: is empty; set its variable in the environment or in .env",
            "5: notify[2].url: must be an https:// address, such as https://hooks.example.com/countersign",
            "6: notify[3].apps[0]: unknown app 'compta'; did you mean 'compte'?",
            "6: notify[3].events: must not be empty",
            "6: notify[3].kind: unknown kind of receiver 'sentri'; did you mean 'sentry'?",
            "7: notify[4].project: is used with `kind: sentry` alone",
            "7: notify[4].url: ::1 is in a private network; say `allow_private: true` where that is meant",
            "9: notify[6].url: is told already; name all `events` in one place",
        ],
    ),
    "packages from anywhere": (
        "    recipe: laravel",
        "    recipe: laravel\n    packages_from: ['https://a.example.com', localhost, 10.0.0.1, Repo.example.com]",
        [
            f"21: apps.compte.packages_from[{index}]: must be a host's {what}"
            for index, what in enumerate(
                [
                    "full name in small letters, such as repo.example.com",
                    "full name in small letters, such as repo.example.com",
                    "name, not an address",
                    "full name in small letters, such as repo.example.com",
                ]
            )
        ],
    ),
    "rehearsing on data without backups": (
        'password: "${PASSWORD}"}\n        backups: {directory: /var/backups, schedule: "0 3 * * *", keep: {daily: 7}}',
        'password: "${PASSWORD}", scratch: true, rehearse: data}',
        [f"28: {ENV}.database.rehearse: there is no `backups` here to take the data from"],
    ),
    "rehearsing on something else": (
        'password: "${PASSWORD}"}',
        'password: "${PASSWORD}", scratch: true, rehearse: date}',
        [f"28: {ENV}.database.rehearse: unknown kind of copy 'date'; did you mean 'data'?"],
    ),
    "keeping nothing": (
        "keep: {daily: 7}",
        "keep: {daily: 0}",
        [f"29: {ENV}.backups.keep: would keep no backup at all; leave `keep` out to keep them all"],
    ),
    "negative keep": ("keep: {daily: 7}", "keep: {daily: -7}", [f"29: {ENV}.backups.keep.daily: must be at least 0"]),
    "after an environment that there is not": (
        "          services: [php-fpm]\n",
        "          services: [php-fpm]\n        after: {environment: stagin, within: 7d}\n"
        "      staging: {policy: careful, hosts: [web2], path: /var/www/staging, branch: dev}\n",
        [f"32: {ENV}.after.environment: unknown environment 'stagin'; did you mean 'staging'?"],
    ),
    "an unknown layout": (
        "          services: [php-fpm]\n",
        "          services: [php-fpm]\n        layout: release\n",
        [f"32: {ENV}.layout: unknown layout 'release'; did you mean 'releases'?"],
    ),
    "releases of a checkout": (
        "          services: [php-fpm]\n",
        "          services: [php-fpm]\n        keep_releases: 3\n",
        [f"23: {ENV}: `keep_releases` is for `layout: releases` alone"],
    ),
    "too few releases to go back": (
        "          services: [php-fpm]\n",
        "          services: [php-fpm]\n        layout: releases\n        keep_releases: 1\n",
        [f"33: {ENV}.keep_releases: must be at least 2"],
    ),
    "a shared path that leads out": (
        "          services: [php-fpm]\n",
        "          services: [php-fpm]\n        layout: releases\n        shared: [.env, ../elsewhere]\n",
        [f"33: {ENV}.shared[1]: must be a path inside of the release, such as .env or storage"],
    ),
    "a rollout on one host": (
        "          services: [php-fpm]\n",
        "          services: [php-fpm]\n        rollout: {batch: 1}\n",
        [f"32: {ENV}.rollout: is for environments with more than one host; 'web1' is the only one here"],
    ),
    "batches of nothing": (
        "hosts: [web1]",
        "hosts: [web1, web2]\n        rollout: {batch: 0}",
        [f"26: {ENV}.rollout.batch: must be a number of hosts, 1 or more, or a part of all of them, such as 25%"],
    ),
    "more than all": (
        "hosts: [web1]",
        "hosts: [web1, web2]\n        rollout: {batch: 101%}",
        [f"26: {ENV}.rollout.batch: must be a number of hosts, 1 or more, or a part of all of them, such as 25%"],
    ),
    "a part without its sign": (
        "hosts: [web1]",
        'hosts: [web1, web2]\n        rollout: {batch: "25", pause: 10, when: now}',
        [
            f"26: {ENV}.rollout.batch: must be a number of hosts, 1 or more, or a part of all of them, such as 25%",
            f"26: {ENV}.rollout.pause: a duration needs a unit; write 10m for minutes, or s, h or d",
            f"26: {ENV}.rollout.when: unknown key; known here: batch, pause, canary, before_host, after_host, health",
        ],
    ),
    "a canary that is nowhere": (
        "hosts: [web1]",
        "hosts: [web1, web2]\n        rollout: {canary: web3}",
        [f"26: {ENV}.rollout.canary: unknown host 'web3'; did you mean 'web2'?"],
    ),
    "a canary elsewhere": (
        "hosts: [web1]",
        "hosts: [web1]\n        rollout: {canary: web2}",
        [
            f"26: {ENV}.rollout: is for environments with more than one host; 'web1' is the only one here",
            f"26: {ENV}.rollout.canary: 'web2' is none of this environment's `hosts`",
        ],
    ),
    "commands that are none": (
        "hosts: [web1]",
        'hosts: [web1, web2]\n        rollout: {before_host: " ", after_host: "up \\x07", health: "https:/compte"}',
        [
            f"26: {ENV}.rollout.after_host: must not have control characters other than line breaks and tabs",
            f"26: {ENV}.rollout.before_host: must not be empty",
            f"26: {ENV}.rollout.health: not a URL; write http:// or https:// and a host",
        ],
    ),
    "after itself": (
        "          services: [php-fpm]\n",
        "          services: [php-fpm]\n        after: {environment: production, within: 7d}\n",
        [f"32: {ENV}.after.environment: no commit could ever come first: production → production"],
    ),
    "after one another": (
        "          services: [php-fpm]\n",
        "          services: [php-fpm]\n        after: {environment: staging, within: 7d}\n"
        "      staging: {policy: careful, hosts: [web2], path: /var/www/staging, branch: dev,\n"
        "        after: {environment: production, within: 7d}}\n",
        [
            f"32: {ENV}.after.environment: no commit could ever come first: production → staging → production",
            "34: apps.compte.environments.staging.after.environment: "
            "no commit could ever come first: staging → production → staging",
        ],
    ),
    "after, for ever": (
        "          services: [php-fpm]\n",
        "          services: [php-fpm]\n        after: {environment: staging}\n"
        "      staging: {policy: careful, hosts: [web2], path: /var/www/staging, branch: dev}\n",
        [f"32: {ENV}.after.within: missing"],
    ),
    "one checkout for two": (
        "          services: [php-fpm]\n",
        "          services: [php-fpm]\n"
        "      beta: {policy: careful, hosts: [web2, web1], path: /var/www//compte/, branch: dev}\n",
        [
            f"32: apps.compte.environments.beta.path: {ENV} has the same path on host 'web1'; "
            "two targets cannot share a checkout"
        ],
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_one_mistake(mistake):
    old, new, lines = MISTAKES[mistake]
    assert problems(changed(old, new)) == [f"ops.yaml:{line}" for line in lines]


_ASKS = "policy 'careful' says `rehearsal: "
_SERVER = "{host, port, user, password} of"

RULES_AND_COPIES = {
    ("require_proven_backup: 24h", "scratch: false"): (
        "must not be false: policy 'careful' asks for a proven backup, and without a copy none is ever proven"
    ),
    ("require_proven_backup: 24h", "scratch: private"): None,
    ("rehearsal: after-approval", "scratch: private"): (
        f"must be {_SERVER} a server that reaches nothing live: {_ASKS}after-approval`"
    ),
    ("rehearsal: after-approval", "scratch: true"): (
        f"must be {_SERVER} a server that reaches nothing live: {_ASKS}after-approval`"
    ),
    ("rehearsal: after-approval", "scratch: {host: b.example.com, user: r, password: x}"): None,
    ("rehearsal: trusted", "scratch: private"): (
        f"must be true, or {_SERVER} another server: {_ASKS}trusted`, which has no sandbox"
    ),
    ("rehearsal: trusted", "scratch: false"): (
        f"must be true, or {_SERVER} another server: {_ASKS}trusted`, which has no sandbox"
    ),
    ("rehearsal: trusted", "scratch: true"): None,
    ("rehearsal: trusted", "scratch: {host: b.example.com, user: r, password: x}"): None,
    ("rehearsal: sandbox", "scratch: false"): None,
    ("rehearsal: never", "scratch: false"): None,
}
"""What a policy says, and where copies may live: the mistake at `scratch`, or None."""


@pytest.mark.parametrize(("rule", "copies"), RULES_AND_COPIES)
def test_a_policy_and_where_copies_may_live(rule: str, copies: str):
    text = changed("    freeze:", f"    {rule}\n    freeze:")
    text = text.replace('password: "${PASSWORD}"}', f'password: "${{PASSWORD}}", {copies}}}')
    mistake = RULES_AND_COPIES[rule, copies]
    assert problems(text) == ([] if mistake is None else [f"ops.yaml:29: {ENV}.database.scratch: {mistake}"])


def test_data_for_no_rehearsal():
    text = changed("    freeze:", "    rehearsal: never\n    freeze:")
    text = text.replace('password: "${PASSWORD}"}', 'password: "${PASSWORD}", rehearse: data}')
    assert problems(text) == [
        f"ops.yaml:29: {ENV}.database.rehearse: nothing is rehearsed with `rehearsal: never` of the policy"
    ]


def test_the_base_has_none():
    assert problems(RIGHT) == []


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "ops.yaml:1: the file is empty; start from ops.example.yaml"),
        ("# nothing\n", "ops.yaml:1: the file is empty; start from ops.example.yaml"),
        ("just text", "ops.yaml:1: expected a mapping (key: value), found text"),
        ("a: [1", "ops.yaml:1: this is not YAML: expected ',' or ']', but got '<stream end>' (column 6)"),
        ("a: *b", "ops.yaml:1: this is not YAML: found undefined alias 'b' (column 4)"),
        ("[" * 5000, "ops.yaml:1: nested too deeply to be read"),
    ],
)
def test_what_is_no_operations_file(text, line):
    assert problems(text) == [line]


def test_a_key_that_is_no_text():
    found = problems(changed("  web1:\n", "  1:\n"))
    assert found[0] == "ops.yaml:6: hosts.1: a key must be text, found a whole number; put it in quotes"


def test_every_mistake_is_told_at_once():
    text = (
        RIGHT.replace("hosts: [web1]", "hosts: [web9]")
        .replace("port: 2222", "port: x")
        .replace("branch: main", "brunch: main")
        .replace('"${PASSWORD}"', '"${NOT_SET}"')
        .replace("count: 1", "count: 5")
        .replace("Europe/Paris", "Mars/Base")
        .replace("keep: {daily: 7}", "keep: {}")
    )
    assert [line.split(": ")[1] for line in problems(text)] == [
        "hosts.web2.port",
        "policies.careful.approve.deploy.count",
        "policies.careful.freeze[0].timezone",
        f"{ENV}.branch",
        f"{ENV}.hosts[0]",
        f"{ENV}.brunch",
        f"{ENV}.database.password",
        f"{ENV}.backups.keep",
    ]


def test_a_mistake_of_an_alias_stands_at_its_own_line():
    text = changed("  web1:\n", "  web1: &base\n").replace(
        "  web2: {address: b.example.com, user: deploy, port: 2222, jump: web1}", "  web2: {<<: *base, prt: 23}"
    )
    assert problems(text) == ["ops.yaml:9: hosts.web2.prt: unknown key; did you mean 'port'?"]


def test_an_alias_within_itself():
    assert "ops.yaml:2: a.b: an alias to something that it stands in" in problems("a: &x\n  b: *x\n")


def test_aliases_of_aliases_do_not_fill_the_memory():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    assert problems("\n".join(lines)) == ["ops.yaml:1: more than 100000 values"]


@pytest.mark.parametrize(
    "text",
    [
        changed("hosts: [web1]", 'hosts: ["${PASSWORD}"]'),
        changed("branch: main", 'branch: "-${PASSWORD}"'),
        changed("port: 2222", 'port: "${PASSWORD}"'),
        changed('"0 3 * * *"', '"0 3 * * ${PASSWORD}"'),
        changed("recipe: laravel", 'recipe: "${PASSWORD}"'),
        changed("Europe/Paris", '"${PASSWORD}"'),
    ],
)
def test_what_a_variable_holds_is_never_shown(text):
    found = problems(text, {"PASSWORD": "correct horse"})
    assert found
    assert "correct" not in "".join(found)


def test_a_wrong_password_is_never_shown():
    assert problems(changed('"${PASSWORD}"', "12345678")) == [
        f"ops.yaml:28: {ENV}.database.password: expected text, found a whole number; put it in quotes"
    ]
