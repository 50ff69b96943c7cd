"""Forge's verdict must reach whoever runs it: npm's launcher of it ends in 0 whatever its tests say."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.integration
@pytest.mark.parametrize(("holds", "status"), [("true", 0), ("false", 1)])
def test_a_failing_test_fails_the_run(tmp_path: Path, holds: str, status: int) -> None:
    (tmp_path / "test").mkdir()
    (tmp_path / "test" / "One.t.sol").write_text(
        f"pragma solidity ^0.8.28;\ncontract OneTest {{ function test_One() external pure {{ assert({holds}); }} }}\n"
    )
    (tmp_path / "foundry.toml").write_text(f'[profile.default]\nsolc = "{ROOT}/.build/solc/solc"\noffline = true\n')
    environment = os.environ | {"PATH": f"{ROOT}/.build/bin:{os.environ['PATH']}"}

    done = subprocess.run(["forge", "test"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    assert done.returncode == status, done.stdout + done.stderr
    assert ("1 passed" if status == 0 else "1 failed") in done.stdout
