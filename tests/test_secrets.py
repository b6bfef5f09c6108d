"""Secrets planted in every place that takes one, and then looked for in everything the gateway writes or says."""

import asyncio
import json
from pathlib import Path
from urllib.parse import quote

import aiohttp
import pytest

from tests.commands import gateway
from tests.ports import free_port
from tests.process import ROOT, Gateway

SECRETS = {
    "BOT_SECRET": "planted-backend-signing-secret",
    "LLM_KEY": "sk-planted-key-of-the-language-model",
    "TOKEN": "987654321:AAPlantedTokenOfTheChatPlatform_-x",
    "HOOK": "planted_secret_of_the_webhook_0123456789",
    "IDENTITY": "planted identity secret of the embedding site",
}

YAML = """
bots:
  away: {kind: http, url: "http://127.0.0.1:PORT/chat", secret: "${BOT_SECRET}", retries: 0}
  model: {kind: openai, base_url: "http://127.0.0.1:PORT/v1", model: m, key: "${LLM_KEY}", retries: 0}
channels:
  site: {platform: web, bot: away, path: /, identity_secret: "${IDENTITY}"}
  other: {platform: web, bot: model}
  polled: {platform: telegram, bot: away, token: "${TOKEN}", api_base: "http://127.0.0.1:PORT"}
  pushed: {platform: telegram, bot: away, token: "${TOKEN}1", api_base: "http://127.0.0.1:PORT", mode: webhook,
           secret: "${HOOK}"}
log: {level: debug}
"""


@pytest.mark.feature("CFG-03")
async def test_no_secret_is_ever_shown_or_stored(tmp_path: Path) -> None:
    config = YAML.replace("PORT", str(free_port()))
    shown: list[str] = []
    async with Gateway(tmp_path, config, **SECRETS) as running, aiohttp.ClientSession() as http:
        for channel in ("site", "other"):
            await _talk(http, running, channel, shown)
        for path, body in (("/c/pushed", {}), ("/api/session", {"channel": "site", "user_token": "x.y.z"})):
            async with http.post(running.url + path, json=body) as response:
                shown.append(await response.text())
        commands = (
            ("status",),
            ("channels",),
            ("check",),
            ("dead", "list"),
            ("dead", "show", "inbox/1"),
            ("keys", "list"),
        )
        for command in commands:
            ran = await asyncio.to_thread(
                gateway, *command, "--json", "-c", str(tmp_path / "gateway.yaml"), folder=ROOT, **SECRETS
            )
            shown += [ran.out, ran.err]
        shown.append(running.log)
    assert "bot.failed" in running.log
    assert "channel.health" in running.log
    found = "\n".join(shown)
    for secret in SECRETS.values():
        for form in {secret, quote(secret, safe=""), json.dumps(secret)[1:-1], secret.partition(":")[2] or secret}:
            assert form not in found
            assert not _files_with(tmp_path, form.encode())


async def _talk(http: aiohttp.ClientSession, running: Gateway, channel: str, shown: list[str]) -> None:
    async with http.post(f"{running.url}/api/session", json={"channel": channel}) as response:
        headers = {"Authorization": f"Bearer {(await response.json())['token']}"}
    async with http.post(f"{running.url}/api/chat", json={"message": "hello"}, headers=headers) as response:
        shown.append(await response.text())


def _files_with(folder: Path, text: bytes) -> list[Path]:
    return [file for file in folder.rglob("*") if file.is_file() and text in file.read_bytes()]


@pytest.mark.feature("CFG-03")
def test_a_broken_configuration_is_explained_without_its_secrets(tmp_path: Path) -> None:
    broken = (
        YAML.replace("PORT", "9").replace("mode: webhook", "mode: ${TOKEN}").replace("model: m", "model: [${LLM_KEY}]")
    )
    (tmp_path / "gateway.yaml").write_text(broken)
    for command in (("check",), ("check", "--json"), ("run",)):
        ran = gateway(*command, "-c", "gateway.yaml", folder=tmp_path, **SECRETS)
        assert ran.code == 2
        assert not any(secret in ran.out + ran.err for secret in SECRETS.values())
    missing = gateway("check", "-c", "gateway.yaml", folder=tmp_path)
    assert (missing.code, "TOKEN" in missing.out) == (2, True)
