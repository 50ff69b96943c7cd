"""The price function: fitted once by the model owner, then deterministic. The same offer has the same integer price."""

from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from assay.protocol.schema import Schema
from assay_pricing import artifact, duplicates, methods
from assay_pricing.appraisal import Appraisal, Verdict, reasons_for, reasons_for_seller
from assay_pricing.encoding.encoders import Encoders
from assay_pricing.errors import DataError
from assay_pricing.manifest import Manifest
from assay_pricing.methods import Method, Parts
from assay_pricing.methods.families.base import without_prefix
from assay_pricing.offers import partitions
from assay_pricing.offers.partitions import LOCAL, Pool
from assay_pricing.price import MICRO, to_micros
from assay_pricing.records.records import Records, Selection
from assay_pricing.risk import Metric
from assay_pricing.sums.form import published_sums
from assay_pricing.surrogate.encoder import Encoder
from assay_pricing.surrogate.network import deterministic
from assay_pricing.surrogate.task import Context, Sample
from assay_pricing.valuation import Valuation, value_offer

_NOBODY = torch.zeros(0, dtype=torch.float64)


@dataclass(frozen=True, eq=False)
class PriceFunction:
    """Prices offers for one model: method, goal and pricing rule. ``fitting.fit`` makes one.

    Attributes:
        manifest: Everything about it but the tensors.
        method: The fitted method.
        tensors: All stored tensors, by name.
        encoders: Of texts and pictures; ``save`` writes their files, too.
    """

    manifest: Manifest
    method: Method
    tensors: dict[str, Tensor]
    encoders: Encoders = field(default_factory=Encoders)

    @cached_property
    def schema(self) -> Schema:
        """Schema of the records that it prices."""
        return self.file_schema.encoded()

    @property
    def file_schema(self) -> Schema:
        """Columns of the files that it prices, see ``tables.parse_records``."""
        return self.manifest.schema_

    @property
    def hash(self) -> bytes:
        """Commits to manifest and tensors, 32 bytes: ``ModelTerms.function_hash``."""
        return self.manifest.hash

    @property
    def fidelity(self) -> float:
        """Agreement of the surrogate with the model on held-out records, 0..1."""
        return self.manifest.fidelity

    def reading(self, file_schema: Schema, encoders: Encoders) -> "PriceFunction":
        """The same function for files with texts and pictures, which encoders turn into the records' features.

        Raises:
            DataError: The features are not those of the records.
        """
        if file_schema == self.file_schema:
            return replace(self, encoders=encoders)
        if file_schema.encoded() != self.schema:
            raise DataError("expected columns that are encoded to the features of the price function, got others")
        read = self.manifest.model_copy(update={"schema_": file_schema})
        told = read.model_copy(update={"sums": published_sums(read, self.method)})
        manifest, _ = artifact.finalize(told, self.tensors)
        return replace(self, manifest=manifest, encoders=encoders)

    def save(self, folder: Path, *, replace: bool = False) -> None:
        """Writes the artifact to a new or empty folder; with ``replace`` also over one that no model uses.

        Raises:
            ArtifactExists: Something stands there.
            ArtifactError: The folder cannot be written.
        """
        manifest, content = artifact.finalize(self.manifest, self.tensors)
        files = {sha256: self.encoders.file(sha256) for sha256 in artifact.encoder_files(manifest)}
        artifact.write(folder, manifest, content, files, replace=replace)

    @classmethod
    def load(cls, folder: Path) -> "PriceFunction":
        """Reads an artifact and checks every byte of it.

        Raises:
            ArtifactError: It is missing, damaged, altered, of another version, or its tensors do not fit its manifest.
            EncoderError: The file of an encoder is no network, or takes other inputs than the manifest says.
        """
        manifest, tensors = artifact.read(folder)
        encoders = Encoders(partial(artifact.read_file, folder))
        encoders.load(manifest.schema_)
        with artifact.of_one_piece(folder):
            return cls._restored(manifest, tensors, encoders)

    @classmethod
    def _restored(cls, manifest: Manifest, tensors: dict[str, Tensor], encoders: Encoders) -> "PriceFunction":
        artifact.check_tensors(manifest, tensors)
        own = without_prefix(tensors, "method.")
        parts = Parts(own, manifest.settings, manifest.fidelity)
        method = methods.method(manifest.method).restore(_context(manifest, tensors), parts)
        artifact.check_part(manifest.sums == published_sums(manifest, method), "the terms of its price from sums")
        return cls(manifest, method, tensors, encoders)

    def check_fidelity(self) -> None:
        """Refuses a surrogate that does not represent its model.

        Raises:
            FidelityError: It agrees with the model on less than 90 % of held-out records.
        """
        self.manifest.check_fidelity()

    def appraise(
        self,
        records: Records,
        *,
        known: frozenset[bytes] = frozenset(),
        context: Records | None = None,
        sold: Records | None = None,
        pool: Pool = LOCAL,
    ) -> Appraisal:
        """Prices an offer as one set.

        Args:
            records: The offer (n).
            known: Hashes of records that were priced for this model before.
            context: Records of the seller's other offers: the offer is paid for what it adds to them.
            sold: Records that others sold to the owner since the function was fitted: near copies of them add nothing.
            pool: Where parts of the offer are worked on; the price is the same everywhere.

        Raises:
            FidelityError: The surrogate's fidelity is under 0.90.
            DataError: The records are of another schema, or there are none.
        """
        self.check_fidelity()
        if records.schema != self.schema:
            raise DataError("expected records of the model's schema, got another schema")
        if records.n == 0:
            raise DataError("expected at least one record, got none")
        if any(other is not None and other.schema != self.schema for other in (context, sold)):
            raise DataError("expected context and sold records of the model's schema, got another schema")
        with deterministic():
            nothing = records.take(np.arange(0))
            return self._appraise(records, known, context or nothing, sold or nothing, pool)

    def _appraise(
        self, records: Records, known: frozenset[bytes], context: Records, sold: Records, pool: Pool
    ) -> Appraisal:
        salt = bytes(self.tensors["owner.salt"].numpy())
        hashes = records.hashes()
        verdicts = duplicates.classify_exact_duplicates(hashes, self.tensors["owner.hashes"], salt, known)
        order = duplicates.order(hashes, salt)
        rows = [i for i in order if not verdicts[i].is_duplicate]
        record_values = np.zeros(records.n)
        valuation = Valuation()
        # An offer of duplicates alone is valued too, and its value dropped: a quick answer would tell what it is.
        distinct = Selection(records, np.array(rows or [i for i in order if verdicts[i] is not Verdict.REPEATED]))
        valued = partitions.Values(self.method, distinct, pool)
        context, sold = (other.take(duplicates.order(other.hashes(), salt)) for other in (context, sold))
        found = value_offer(self.method, self.manifest, distinct, valued, context, sold, pool, valued.by_halves)
        values = valued()
        if rows:
            record_values[rows], valuation = values, found
            for i, is_excluded in zip(rows, found.excluded or [False] * len(rows), strict=True):
                if is_excluded:
                    verdicts[i] = Verdict.EXCLUDED
                elif record_values[i] <= 0:
                    verdicts[i] = Verdict.HARMFUL
        rule, gain = self.manifest.rule, valuation.gain
        paid = valuation.interval[0] if rule.basis == "lower_bound" else gain
        price = rule.price(max(to_micros(paid), 0), valuation.distinct)
        return Appraisal(
            record_values=record_values,
            verdicts=tuple(verdicts),
            set_value=valuation.set_value,
            predicted_gain=max(to_micros(gain), 0) / MICRO,
            interval=valuation.interval,
            price=price,
            fidelity=self.fidelity,
            records=records.n,
            priced=len(rows),
            distinct=valuation.distinct,
            metric=self.manifest.metric,
            data_hash=records.content_hash(),
            function_hash=self.hash,
            reasons=tuple(reasons_for(records, verdicts, self.manifest.metric, gain, price, context.n)),
            seller_reasons=tuple(reasons_for_seller(records, verdicts, self.manifest.metric, price, context.n)),
        )


def _context(manifest: Manifest, tensors: dict[str, Tensor]) -> Context:
    """The context of a method as it was fitted; without records if the artifact has none."""
    schema = manifest.schema_.encoded()
    centre, scale = tensors["encoder.centre"].numpy(), tensors["encoder.scale"].numpy()
    encoder = Encoder(schema, centre, scale, manifest.target, manifest.standardised, tensors.get("encoder.basis"))
    base = _sample(encoder, tensors, "base", tensors.get("base.y", _NOBODY), tensors["base.weight"])
    y = tensors.get("validation.y", _NOBODY).numpy()
    validation = _sample(encoder, tensors, "validation", encoder.y(y), torch.ones(len(y), dtype=torch.float64))
    groups = tensors["validation.groups"].numpy() if "validation.groups" in tensors else None
    first_half = tensors["validation.first_half"].numpy() if "validation.first_half" in tensors else None
    return Context(
        schema=schema,
        encoder=encoder,
        base=base,
        validation=validation,
        metric=Metric(manifest.metric, y, groups, first_half),
        decay=manifest.decay,
    )


def _sample(encoder: Encoder, tensors: dict[str, Tensor], name: str, y: Tensor, weight: Tensor) -> Sample:
    """The base or the validation records; without features if the artifact has none."""
    raw = tensors.get(f"{name}.raw")
    if raw is None:
        nothing = torch.zeros((0, encoder.width), dtype=torch.float64)
        return Sample(tensors.get(f"{name}.x", nothing), y, weight)
    if raw.shape != (len(y), len(encoder.schema.features)):
        raise ValueError(f"expected features ({len(y)}, {len(encoder.schema.features)}), got {tuple(raw.shape)}")
    known = Records(encoder.schema, raw.numpy(), np.zeros(len(raw)))
    return Sample(encoder.x(known), y, weight, raw)
