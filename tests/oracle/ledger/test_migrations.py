"""The revisions: they make the tables that the code describes, in either database, and keep evaluations final."""

import threading
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from scripts.postgres import Server
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from assay_oracle.errors import JournalError
from assay_oracle.ledger import migrations
from assay_oracle.ledger.journal import Journal
from assay_oracle.ledger.opening import open_database
from assay_oracle.ledger.tables import metadata
from tests.kit.ledgers import BOTH_LEDGERS
from tests.kit.market import Market


@pytest.mark.unit
def test_every_revision_is_named_in_order() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    scripts = ScriptDirectory.from_config(config)
    found = [script.revision for script in scripts.walk_revisions()]
    assert tuple(reversed(found)) == migrations.REVISIONS
    assert scripts.get_current_head() == migrations.HEAD


@BOTH_LEDGERS
def test_revisions_make_the_tables_that_the_code_describes(market: Market) -> None:
    with market.journal._database._writer.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)
    assert differences == []


@BOTH_LEDGERS
@pytest.mark.parametrize("statement", ["UPDATE evaluations SET price = '1'", "DELETE FROM evaluations"])
def test_evaluation_is_final_in_the_database_itself(market: Market, statement: str) -> None:
    market.offer(b"one\n")
    with pytest.raises(DBAPIError, match="final"):
        market.journal._database.execute(text(statement))


@BOTH_LEDGERS
@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO evaluations SELECT * FROM evaluations",
        "UPDATE orders SET offer_id = data_root FROM offers",
        "DELETE FROM offers",
        "INSERT INTO cursor SELECT 1, 1, order_id FROM orders",
    ],
    ids=["second evaluation", "order of no offer", "offer of an evaluation", "second cursor"],
)
def test_the_database_itself_keeps_what_belongs_together(market: Market, statement: str) -> None:
    market.sell(b"one\n")
    with pytest.raises((DBAPIError, OSError)):
        market.journal._database.execute(text(statement))


@pytest.mark.integration
def test_table_of_evaluations_is_never_emptied(postgres: Server) -> None:
    with postgres.database() as url:
        database = open_database(url)
        with pytest.raises(DBAPIError, match="final"):
            database.execute(text("TRUNCATE evaluations CASCADE"))
        database.close()


@pytest.mark.integration
def test_replicas_that_start_at_one_time_migrate_once(postgres: Server) -> None:
    with postgres.database("template0") as url:
        failures: list[BaseException] = []
        together = threading.Barrier(4)

        def start() -> None:
            together.wait()
            try:
                Journal(url, now=lambda: 0).close()
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=start) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []


@pytest.mark.integration
def test_ledger_of_a_newer_version_is_refused_and_one_without_tables_is_left_to_the_daemon(postgres: Server) -> None:
    with postgres.database("template0") as url:
        with pytest.raises(JournalError, match="got none") as refusal:
            open_database(url, shared=True)
        assert "migrate" in str(refusal.value.hint)
        database = open_database(url)
        database.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        database.close()
        with pytest.raises(JournalError, match="got revision 9999"):
            open_database(url)


@pytest.mark.integration
def test_server_that_does_not_answer_is_named_without_its_password(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="cannot use the ledger at") as refusal:
        open_database(f"postgresql+psycopg://assay:sesame@/ledger?host={tmp_path}")
    assert refusal.value.hint
    assert "sesame" not in str(refusal.value)


@pytest.mark.integration
def test_ledger_that_a_crash_of_the_server_could_cut_short_is_refused(postgres: Server) -> None:
    with postgres.database() as url, pytest.raises(JournalError, match="synchronous_commit"):
        open_database(f"{url}&options=-csynchronous_commit%3Doff")
