"""``assay``: the command of data owners and model owners."""

from typing import Any

import click
from pydantic import ValidationError

from assay.cli import credit, keys, model, purchases, sales, sealing
from assay.cli.session import Session, setting_options
from assay.cli.terminal import Group
from assay.errors import SettingsError
from assay.protocol.types import listed_faults
from assay.settings import Settings


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@setting_options
@click.version_option(package_name="assay")
@click.pass_context
def main(ctx: click.Context, /, **options: Any) -> None:
    """Sell and buy training data at a price set before anything changes hands.

    Every option here can be set in the environment instead: ASSAY_HOME, ASSAY_NODE, ASSAY_CHAIN, ASSAY_ORACLE...

    \b
    Examples:
      assay keys new
      assay sell data.parquet --model 0x12... --yes
      assay buy --model 0x12... --once
    """
    try:
        settings = Settings(**{name: value for name, value in options.items() if value is not None})
    except ValidationError as error:
        raise SettingsError(listed_faults(error.errors())) from None
    ctx.obj = Session(settings)


main.add_command(keys.keys)
main.add_command(model.model)
main.add_command(credit.credit)
main.add_command(sealing.seal)
main.add_command(sealing.open_)
main.add_command(sales.sell)
main.add_command(purchases.buy)
main.add_command(purchases.orders)
