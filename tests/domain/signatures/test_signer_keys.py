"""Keys of people who sign: what is taken, and what is refused with which words."""
# ruff: noqa: E501 - a key is one line

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bot.domain.signatures.signer_keys import (
    SignerKey,
    joined,
    read_allowed_signers,
    read_key,
    shared_keys,
    without_shared,
)

ED25519 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIp7sHUQdWvZLFzKhg/C+3sbIbWeJQuNVevtuGSAzQUO"
OTHER = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
ECDSA = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBKndr4fCTYdSll5/yHtGVDQj7C7le3m9xcmsdBgKFOJfwVESfu5U1wqoD03LrKWpCIrscPZp8RF0oUFN3raZBHs="
RSA = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgQDDUz2CC+kqfL0JvbkbXeq8Yx2HUEVJiKv35HcM8/DH5XhEWHaEQoEvqKakbfgv62ioYJurdyIOusut8mSyYIctPVUqQ5mOPenISFkaHin9rloRfWPO1LwCZJ6PSuV0BYx/m3Myon/nrXCJLR3mdeB5fpm8kU/kaXrxj/srnSq9b4r/G5KT7an20boqirqrYNfLV+9CFquYrZ4eUFOOYLUs9VdbS2V3LtoqHYTjj8LvNu1yNbeATqqFibiBJYo6PBHh2bQvQTMHIp6rQbRXiQbFsQhs6a8xC+cQY/31vPvcj7o0o0WCuPBmLxs4LjOm/e9G7TiiXhFMs1jYw4/ICjLLQybaRLb9cj8H0YlVlSVMaGqcACFif7OAixg1Zava7IKV+NiiH6aXwm+voCvvRk+FGpLOGxTKcAJVbgHKwqIzlHvLlnakjZFmcYbgQhrXlkxLzQ1apxQZQUOZaVPOP7yxoxY1t+WkS1XQ/fnosgFMAN+fAFaoRENJLx2lSV/eFHk="
SHORT = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQCrsclwpQyk/AD++JwCm26QcAXRv/0/UPGJtaywDiv80c55dmtKgyTNR0aYwfZ/xV2pjDx9Z36Fe0FWnajIom9ofxFUVlgAUaOODJ0/Fm3BdevD6TH0KYUfyyET7wfT7aHS2NPqA5lGg1pMJES93NXPCCpmSwHnM5GID6VdCcDs+w=="
DSA = "ssh-dss AAAAB3NzaC1kc3MAAACBALJc7eI+edmdYr7DYtmmJPIOT6EFbdTDeHDHhs5stURHi+bbv0d2M0+6BwQG0BXT3TZaIULINx9+0aFjTFDUAiwp4YSXc3WOfslAe6EPKcf4oOSMQUO/Gjv8/NbpPmKT/tWx8MbifDVdI4Ptft/vm+l+VJNyr8DSilrCft4c7I4HAAAAFQDFc97pqbu63krJVyTbk74DLg2B4wAAAIBGHtctIZt7OSGOAcQS0l/Gq5QE8QOvSXgE4+XAGiVre09AdyaNrNowvtQvjwYrDQMfV8Gi75AvfOPRLX3eT1gAwTXsSwQzHTtgl/jxoRnCiy5NIkSChz/dCC9Sb36yIBbLIVVtV7EU7kei08YBMSQh74lvPxNOvnreYMzqgTmnFQAAAIBwbLbO6tCGr9ebUo1dfZXzYwnRws3pB3vvNuFBXQ3Z4yxykJaGY+IEo0Kel3kil+SCTMfrZAIO+HFv0kMTU8OsKAWsLUTpk4I9fw4gAGlAnijs1SPauMp3hznhAZg/ajTLgSU7AX0izmS3Dcztj+xCT/7r8f06nTihZs5tGE15nQ=="
SECURITY_KEY = "sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAABHNzaDo="
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize("line", [ED25519, ECDSA, RSA, SECURITY_KEY])
def test_a_public_key_is_read_with_or_without_a_comment(line: str) -> None:
    assert read_key(line).line == line
    assert read_key(f"  {line} bob@laptop, the new one ").line == line


def test_its_fingerprint_is_what_ssh_keygen_says() -> None:
    assert read_key(ED25519).fingerprint == "SHA256:/mp7D2cYM4RK92yGyXIrjOuHViWagzLyG3y6zkoQ7Hc"


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("", "it is empty"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----", "no kind of key"),
        (DSA, "no option that is taken, and no kind of key"),
        (SHORT, "1024 bits is too short"),
        (ED25519[:-9], "damaged or cut short"),
        (ED25519.replace("ssh-ed25519", "ssh-rsa"), "of another kind inside"),
        (f"cert-authority {ED25519}", "`cert-authority` is not taken"),
        (f"no-touch-required {ED25519}", "no option that is taken"),
        (f'command="sh" {ED25519}', "no option that is taken"),
        (f'valid-before="tomorrow" {ED25519}', "YYYYMMDD"),
        (f'valid-before="20260231" {ED25519}', "YYYYMMDD"),
        (f'valid-after="20270101",valid-before="20260101" {ED25519}', "never valid"),
        (f'valid-before="20270101",valid-before="20280101" {ED25519}', "stands there twice"),
    ],
)
def test_what_is_no_key_is_refused_with_the_reason(line: str, wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong):
        read_key(line)


@pytest.mark.parametrize(
    ("options", "valid"),
    [
        ("", True),
        ('valid-before="20260601" ', False),
        ('valid-before="202606011200" ', False),
        ('valid-before="20260601120001" ', True),
        ('valid-before="20260601120001Z" ', True),
        ('valid-after="202606011200" ', True),
        ('valid-after="20260601120001" ', False),
        ('valid-after="20260101",valid-before="20270101" ', True),
        ('namespaces="countersign",valid-before="20260101" ', False),
    ],
)
def test_a_key_is_valid_in_its_time_alone(options: str, valid: bool) -> None:
    assert read_key(options + ED25519).is_valid(NOON) is valid


def test_a_file_of_allowed_signers() -> None:
    text = f"""
# who signs
U0BOB {ED25519} bob
"U0EVE,W0NOOR" namespaces="git,countersign" {ECDSA}
U0BOB namespaces="git" {RSA}
U0EVE namespaces="countersign",valid-before="20270101" {SECURITY_KEY}
"""
    assert read_allowed_signers(text) == {
        "U0BOB": (read_key(ED25519),),
        "U0EVE": (read_key(ECDSA), read_key(f'valid-before="20270101" {SECURITY_KEY}')),
        "W0NOOR": (read_key(ECDSA),),
    }


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        (f"* {ED25519}", r"line 2: '\*' is no Slack user's ID"),
        (f"U0B* {ED25519}", "is no Slack user's ID"),
        (f"!U0BOB {ED25519}", "is no Slack user's ID"),
        (f"bob@example.com {ED25519}", "'bob@example.com' is no Slack user's ID"),
        (f"{ED25519}", "'ssh-ed25519' is no Slack user's ID"),
        ("U0BOB", "no kind of key"),
        (f"U0BOB cert-authority {ED25519}", "`cert-authority` is not taken"),
        (f"U0BOB namespaces=countersign {ED25519}", "no list of options"),
    ],
)
def test_a_line_that_is_not_taken_is_named(line: str, wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong):
        read_allowed_signers(f"# a comment\n{line}\n")


def test_a_key_of_two_people_is_nobodys() -> None:
    one, other = read_key(ED25519), read_key(OTHER)
    renewed = SignerKey(one.type, one.data, valid_before=NOON)
    keys = joined({"U0BOB": (one, other)}, {"U0EVE": (renewed,)}, {"U0BOB": (one,)})
    assert keys == {"U0BOB": (one, other), "U0EVE": (renewed,)}
    assert shared_keys(keys) == {one.line: ("U0BOB", "U0EVE")}
    assert without_shared(keys) == {"U0BOB": (other,), "U0EVE": ()}
