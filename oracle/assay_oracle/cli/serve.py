"""``assay-oracle serve`` and ``check``: the daemon, and what it depends on."""

import json
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from assay.cli.terminal import emit, json_option, report
from assay_oracle.cli.options import config_option, open_keys, password_of
from assay_oracle.settings import WALL_FACTOR, ModelEntry, Settings, environment_without_settings

if TYPE_CHECKING:
    from assay.protocol.statements import Domain
    from assay_oracle.appraisers.pool import PricingPool
    from assay_oracle.appraisers.proving import Proving
    from assay_oracle.appraisers.remote import ProcessAppraiser
    from assay_oracle.server.model_watch import LoadAppraiser
    from assay_oracle.services.appraiser import Appraiser


def load_appraisers(settings: Settings, pool: "PricingPool | None" = None) -> "LoadAppraiser":
    """Makes the appraisers of configured models.

    They raise ``ArtifactError`` for an artifact that is missing, damaged, altered or of an unknown method, and
    ``FidelityError`` for one whose surrogate agrees with its model too rarely.

    Args:
        settings: Their limits.
        pool: Prices, so that this process needs neither the tensors nor torch; None if this process prices.
    """
    if pool is not None:
        return partial(_in_pool, pool, settings.pricing_seconds)
    from assay_oracle.appraisers.cache import RecordCache
    from assay_oracle.cli.pricing_process import load_inline

    cache = RecordCache(settings.max_context_bytes)
    return lambda entry: load_inline(entry.artifact, cache, _proving(entry, settings.pricing_seconds))


def _proving(entry: ModelEntry, seconds: float) -> "Proving | None":
    """What proves the prices of a model whose oracle asks for proofs.

    Raises:
        ProofError: The folder for proofs is damaged or missing.
    """
    if entry.proofs is None:
        return None
    from assay_oracle.appraisers.proving import Proving
    from assay_pricing.proof.folder import ProofFolder

    ProofFolder.read(entry.proofs)
    return Proving(str(entry.artifact.resolve()), str(entry.proofs.resolve()), seconds * WALL_FACTOR)


def check_proving(settings: Settings, entry: ModelEntry, domain: "Domain") -> None:
    """Makes a proof for a model whose prices are proven, and verifies it.

    Raises:
        ProofError: Its folder, or a library, makes none.
        OracleMisbehaved: It does not hold: the proving key is of another verification key.
    """
    proving = _proving(entry, settings.pricing_seconds)
    if proving is not None:
        proving.check(entry.id, domain)


def _in_pool(pool: "PricingPool", seconds: float, entry: ModelEntry) -> "ProcessAppraiser":
    from assay_oracle.appraisers.info import info_of
    from assay_oracle.appraisers.remote import ProcessAppraiser
    from assay_pricing import artifact
    from assay_pricing.sums.blind import blind_terms_of

    manifest = artifact.read_manifest(entry.artifact)
    manifest.check_method()
    manifest.check_fidelity()
    proving = _proving(entry, seconds)
    info = info_of(manifest, blind_terms_of(manifest), is_proven=proving is not None)
    return ProcessAppraiser(info, str(entry.artifact.resolve()), pool, proving)


def _loaded_in_pool(pool: "PricingPool", seconds: float, entry: ModelEntry) -> "Appraiser":
    """The appraiser of an artifact that a pricing process has loaded, confined as it is when it prices.

    Raises:
        OSError: It cannot be loaded there.
    """
    appraiser = _in_pool(pool, seconds, entry)
    with appraiser.session() as session:
        session.load()
    return appraiser


def mark_used(entry: ModelEntry) -> None:
    """Keeps `assay-oracle fit --replace` from the artifact of a registered model."""
    from assay_pricing import artifact

    artifact.mark_used(entry.artifact, entry.id)


def pricing_pool(settings: Settings) -> "PricingPool":
    """The processes that price, not started yet. Their environment has no setting of the oracle: no password."""
    from assay_oracle.appraisers.pool import PricingPool
    from assay_oracle.appraisers.process import PricingProcess

    limits = (str(settings.max_context_bytes), str(settings.pricing_memory_bytes))
    command = (sys.executable, "-m", "assay_oracle.cli.pricing_process", *limits)
    environment = environment_without_settings()
    return PricingPool([PricingProcess(command, environment) for _ in range(settings.workers())])


@click.command()
@config_option
@click.option("--host", help="Address to listen on.")
@click.option("--port", type=int, help="Port to listen on; 0 is any free one.")
@json_option
def serve(config: Path | None, host: str | None, port: int | None, as_json: bool) -> None:
    """Serve offers over HTTP, price them, post orders. Logs go to stderr as JSON.

    Prints the URL once it listens. Ends at SIGTERM; the next start resumes unfinished work.

    \b
    Examples:
      assay-oracle serve --config oracle.toml
      ASSAY_ORACLE_PASSWORD_FILE=password assay-oracle serve --config oracle.toml --port 0 --json
    """
    from assay_oracle.cli.process_limits import forbid_dumps
    from assay_oracle.keys.next_key import NextKey
    from assay_oracle.log import set_up
    from assay_oracle.server.daemon import Daemon, open_chain

    forbid_dumps()
    set_up()
    settings = Settings.read(config, host=host, port=port)
    password = password_of(settings)
    vault = open_keys(settings, password)
    if vault.account is None:
        report("no keystore: running dry; offers are priced, nothing is signed or posted")
    pool = pricing_pool(settings)
    daemon = Daemon(
        settings,
        vault,
        open_chain(settings, vault),
        load=load_appraisers(settings, pool),
        end_pricing=pool.close,
        read_models=lambda: Settings.read(config).models,
        registered=mark_used,
        next_key=NextKey(lambda: Settings.read(config), password),
    )
    daemon.serve(lambda url: click.echo(json.dumps({"url": url}) if as_json else url))


@click.command()
@config_option
@json_option
def check(config: Path | None, as_json: bool) -> None:
    """Verify everything that the daemon depends on: keys, node, contract, models, artifacts, disk, clock.

    \b
    Example:
      assay-oracle check --config oracle.toml
    """
    from assay_oracle.appraisers import sandbox
    from assay_oracle.server.daemon import unix_time
    from assay_oracle.server.preflight import Finding, Preflight

    findings: list[Finding] = []

    def add(finding: Finding) -> None:
        findings.append(finding)
        if not as_json:
            click.echo(f"{'ok  ' if finding.ok else 'FAIL'}  {finding.name}: {finding.message}")
            if finding.hint:
                click.echo(f"      hint: {finding.hint}")

    settings = Settings.read(config)
    pool = pricing_pool(settings)
    load = partial(_loaded_in_pool, pool, settings.pricing_seconds)
    prove = partial(check_proving, settings)
    preflight = Preflight(settings, load=load, prove=prove, now=unix_time, report=add, unconfined=sandbox.missing())
    try:
        ok = preflight.run()
    finally:
        pool.close()
    if as_json:
        emit({"ok": ok, "findings": [finding.to_dict() for finding in findings]}, "", as_json)
    sys.exit(0 if ok else 1)
