"""The command ``assay`` in this process, in front of the market in memory: no sockets, no slow keys."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from eth_account.signers.local import LocalAccount

from assay.cli.main import main
from assay.cli.session import Session
from assay.oracle.committee import Committee
from tests.kit.actors import BUYER_IDENTITY, PASSWORD
from tests.kit.light_keys import write_identity, write_keystore
from tests.kit.market import Market


class Desk:
    """Somebody who types commands: ``account``, with a home of its own under the market's folder."""

    def __init__(self, market: Market, account: LocalAccount, patch: pytest.MonkeyPatch) -> None:
        self.market = market
        self.account = account
        self.home = market.home / account.address
        write_keystore(self.home / "keystore.json", bytes(account.key), PASSWORD)
        write_identity(self.home / "identity.json", BUYER_IDENTITY, PASSWORD)
        for name in ("keystore.json", "identity.json"):
            (self.home / name).chmod(0o600)

        def chain(session: Session, *, sending: bool) -> Any:
            return market.chain.seen_by(session.account.address if sending else None)

        patch.setattr(Session, "chain", chain)
        patch.setattr(Session, "committee", property(lambda _: Committee([market.http])))
        patch.setattr(Session, "now", lambda _: market.now())

    def run(self, *arguments: object, typed: str = "", status: int | None = 0) -> Result:
        """Runs a command with ``typed`` as its input; ``status`` is what it must end with."""
        runner = CliRunner(mix_stderr=False, env={"ASSAY_PASSWORD": PASSWORD, "ASSAY_HOME": str(self.home)})
        result = runner.invoke(main, [str(argument) for argument in arguments], input=typed)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        assert status in (None, result.exit_code), result.stdout + result.stderr
        return result

    def json(self, *arguments: object, typed: str = "", status: int | None = 0) -> Any:
        """Runs a command with ``--json``; its result."""
        printed = self.run(*arguments, "--json", typed=typed, status=status).stdout
        return json.loads(printed[re.search(r"^[\[{]", printed, re.MULTILINE).start() :])  # behind what was typed

    def file(self, content: bytes, name: str = "data.lines") -> Path:
        """A file of the user's, outside the home."""
        return self.market.file(content, name)
