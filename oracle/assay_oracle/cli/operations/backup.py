"""``assay-oracle backup`` and ``restore``: keys and ledger in one encrypted file, beside a running daemon."""

import secrets
import tempfile
import time
from pathlib import Path

import click

from assay.cli.params import DataFile
from assay.cli.tables import duration_text
from assay.cli.terminal import emit, json_option, report
from assay.errors import UsageError
from assay.files import new_file, private_folder, refusing
from assay.keys import read_password
from assay_oracle.cli.options import config_option
from assay_oracle.keys import vault
from assay_oracle.ledger.values import Restoration
from assay_oracle.settings import Settings, without_password

MARGIN_SECONDS = 900
"""How far the chain's clock, by which quotes expire, may be ahead of the one of this machine."""


def unix_time() -> int:
    """This machine's clock."""
    return int(time.time())


def _password(settings: Settings) -> str:
    found = settings.secret_password()
    return str(click.prompt("Password", hide_input=True, err=True)) if found is None else found


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@config_option
@click.option("--recipient", help="Age recipient (age1...) whose identity alone opens FILE; else the keys' password.")
@click.option("--move", is_flag=True, help="The ledger moves to another place: no daemon starts on it here any more.")
@json_option
def backup(file: Path, config: Path | None, recipient: str | None, move: bool, as_json: bool) -> None:
    """Write keys and ledger to the new FILE, encrypted, with or without a running daemon.

    Uploads and deliveries are not in it: they are encrypted files that any tool copies.

    \b
    Examples:
      assay-oracle backup backups/monday.assay --config oracle.toml
      assay-oracle backup house.assay --move --config oracle.toml
    """
    from assay_oracle.ledger.transfer.snapshot import mark_moved, snapshot
    from assay_oracle.operations.backup import Manifest, write

    settings = Settings.read(config)
    password = _password(settings)
    opened = vault.open_vault(settings.data_dir, password)
    url = settings.ledger_url()
    if move:
        mark_moved(url, unix_time())
    private_folder(file.absolute().parent)
    with refusing(file), new_file(file) as target, snapshot(url) as taken:
        manifest = Manifest(
            id=secrets.token_hex(16),
            made_at=unix_time(),
            revision=taken.revision,
            moved=move,
            quote_seconds=settings.quote_seconds,
            address=opened.account.address if opened.account else None,
            recipient=opened.recipient,
        )
        files = vault.read_files(settings.data_dir)
        counts = write(
            target,
            manifest,
            files,
            taken,
            tag=opened.digests.backup_tag,
            password=password,
            recipient=recipient,
        )
    values = {"file": str(file), "id": manifest.id, "bytes": file.stat().st_size, "moved": move, "rows": counts}
    text = f"{file}  {values['bytes']} bytes\noffers {counts['offers']}  evaluations {counts['evaluations']}"
    emit(values, f"{text}  quotes {counts['quotes']}  orders {counts['orders']}", as_json)
    if move:
        report("no daemon starts on this ledger any more; copy uploads/ and deliveries/, and restore FILE elsewhere")


@click.command()
@click.argument("file", type=DataFile())
@config_option
@click.option("--data-dir", type=click.Path(path_type=Path, file_okay=False), help="Folder of keys and ledger.")
@click.option("--identity", type=click.Path(path_type=Path, dir_okay=False), help="Age identity of the recipient.")
@click.option(
    "--moved",
    is_flag=True,
    help="FILE is of `backup --move`, and was restored nowhere before: no quote can be missing, and pricing goes on.",
)
@json_option
def restore(
    file: Path, config: Path | None, data_dir: Path | None, identity: Path | None, moved: bool, as_json: bool
) -> None:
    """Write keys and ledger of the backup FILE into an empty place; nothing is written over.

    Quotes that were signed after the backup are missing. So no offer is priced until they have expired, and prices
    thereafter are for new content ids, which no missing quote can contradict.

    \b
    Examples:
      assay-oracle restore monday.assay --data-dir var/oracle --config oracle.toml
      assay-oracle restore house.assay --moved --config oracle.toml
    """
    from assay_oracle.ledger.transfer.restoring import restore as restore_ledger
    from assay_oracle.operations.backup import opened

    settings = Settings.read(config, data_dir=data_dir)
    password, now = _password(settings), unix_time()
    private_folder(settings.data_dir)
    with (
        file.open("rb") as source,
        tempfile.TemporaryFile(dir=settings.data_dir) as plain,
        tempfile.TemporaryDirectory(dir=settings.data_dir, prefix=".restored-") as aside,
    ):
        found = opened(source, plain, password=password, identity=read_password(identity) if identity else None)
        manifest = found.manifest
        if moved and not manifest.moved:
            raise UsageError("expected a backup of `backup --move`, this one was made of a ledger that stayed in use")
        vault.write_files(Path(aside), found.vault)
        found.check(vault.open_vault(Path(aside), password).digests.backup_tag)
        vault.check_place(settings.data_dir, found.vault)
        seconds = max(manifest.quote_seconds, settings.quote_seconds)
        restoration = Restoration(
            salt=secrets.token_bytes(32),
            backup=bytes.fromhex(manifest.id),
            backed_up_at=manifest.made_at,
            restored_at=now,
            held_until=0 if moved else now + seconds + MARGIN_SECONDS,
        )
        is_new = restore_ledger(settings.ledger_url(), manifest.revision, found.tables(), restoration)
        vault.put_in_place(Path(aside), settings.data_dir)
    missing = _missing_uploads(settings)
    values = {
        "ledger": without_password(settings.ledger_url()),
        "backup": manifest.id,
        "made_at": manifest.made_at,
        "held_until": restoration.held_until,
        "written": is_new,
        "missing_uploads": [f"0x{offer_id.hex()}" for offer_id in missing],
    }
    emit(values, f"{values['ledger']} is as it was {duration_text(now - manifest.made_at)} ago", as_json)
    if not is_new:
        report("this backup was restored here before: the ledger stays as it is")
    elif restoration.held_until:
        report(f"no offer is priced for {duration_text(restoration.held_until - now)}: quotes may be out that it lacks")
        report("offers and sales from after the backup are lost to the oracle: see docs/operations.md")
    if missing:
        report(f"{len(missing)} uploads are not in the store; copy them there before the daemon starts")


def _missing_uploads(settings: Settings) -> list[bytes]:
    """Offers under way, or sold, whose upload the store lacks."""
    from assay.protocol.messages import OfferStatus
    from assay_oracle.ledger.operator import OperatorJournal
    from assay_oracle.services.uploads import upload_name
    from assay_oracle.storage.chosen import open_store

    wanted = (OfferStatus.PRICING, OfferStatus.QUOTED, OfferStatus.ACCEPTED, OfferStatus.POSTED)
    store = open_store(settings)
    with OperatorJournal(settings.ledger_url(), now=unix_time) as journal:
        listed = [found.offer for found in journal.offers(statuses=wanted)]
    stored = [offer for offer in listed if offer.is_stored]
    return [offer.offer_id for offer in stored if store.size(upload_name(offer.offer_id)) != offer.upload_bytes]
