// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ISettlement, ModelTerms, Quote} from "contracts/interfaces/ISettlement.sol";
import {Harness} from "contracts/mocks/Harness.sol";
import {VM} from "./Vm.sol";
import {Spec} from "./Spec.sol";

/// @notice Digests as EIP-712 and `docs/protocol.md` have them, field by field.
contract DigestsTest is Spec {
    function domain() internal view returns (bytes32) {
        return keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("Assay"),
                keccak256("1"),
                block.chainid,
                address(settlement)
            )
        );
    }

    function typed(bytes32 hash) internal view returns (bytes32) {
        return keccak256(abi.encodePacked(hex"1901", domain(), hash));
    }

    function structHash(Quote memory quote) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                keccak256(
                    "Quote(bytes32 modelId,bytes32 contentId,address seller,bytes32 dataRoot,uint256 price,uint256 expiry,bytes32 evaluation)"
                ),
                quote.modelId,
                quote.contentId,
                quote.seller,
                quote.dataRoot,
                quote.price,
                quote.expiry,
                quote.evaluation
            )
        );
    }

    function quote_() internal view returns (Quote memory) {
        return quoteFor("model", "content", "root", PRICE);
    }

    function test_TheDomainNamesChainAndContract() external {
        equal(settlement.domainSeparator(), domain());
        VM.chainId(block.chainid + 1);
        equal(settlement.domainSeparator(), domain());
    }

    function test_AQuote() external {
        Harness harness = Harness(payable(create("Harness.sol:Harness")));
        equal(harness.hashQuote(quote_()), structHash(quote_()));
        equal(settlement.quoteDigest(quote_()), typed(structHash(quote_())));
    }

    function test_AnAcceptance() external view {
        bytes32 typehash = keccak256("Acceptance(bytes32 quoteDigest,bytes32 keyHash)");
        bytes32 digest = settlement.acceptanceDigest("quote", "lock");
        equal(digest, typed(keccak256(abi.encode(typehash, bytes32("quote"), bytes32("lock")))));
    }

    function test_AReceipt() external view {
        bytes32 typehash = keccak256("Receipt(bytes32 orderDigest)");
        equal(settlement.receiptDigest("order"), typed(keccak256(abi.encode(typehash, bytes32("order")))));
    }

    function test_AnAcknowledgement() external view {
        bytes32 typehash = keccak256("Acknowledgement(bytes32 orderDigest)");
        equal(settlement.acknowledgementDigest("order"), typed(keccak256(abi.encode(typehash, bytes32("order")))));
    }

    function test_AModelNamesChainContractAndEveryTerm() external {
        ModelTerms memory terms = termsWith(BOND, true);
        bytes32 modelId = settlement.modelIdOf(terms);
        equal(
            modelId,
            keccak256(
                bytes.concat(
                    abi.encode(block.chainid, settlement, terms.owner, terms.token, terms.functionHash),
                    abi.encode(terms.deliveryKey, terms.maxPrice, terms.sellerBond, terms.oracleBond),
                    abi.encode(terms.revealWindow, terms.disputeWindow, terms.requireReceipt, terms.salt)
                )
            )
        );
        VM.chainId(block.chainid + 1);
        assert(settlement.modelIdOf(terms) != modelId);
    }
}
