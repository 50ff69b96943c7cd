// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ModelTerms, Order, Quote, Status} from "contracts/interfaces/ISettlement.sol";
import {VM} from "./Vm.sol";
import {World} from "./World.sol";

/// @notice Proved by halmos for every value of the arguments: `make symbolic`.
contract SymbolicTest is World {
    ModelTerms internal terms;
    bytes32 internal modelId;

    function setUp() public {
        setUpWorld();
        terms = termsWith(0, false);
        modelId = open(terms, 100 ether);
    }

    function lock() internal returns (Order memory order) {
        Quote memory quote = quoteFor(modelId, "content", "root", 1 ether);
        order = post(terms, quote, keyHashOf(modelId, "content", "key"));
    }

    /// @notice Nullifier: once a pair has an order, no second post of it succeeds, with any signatures.
    function check_APairIsLockedOnce(uint96 price, address payee, bytes32 root, bytes32 keyHash, uint40 expiry)
        external
    {
        lock();
        Quote memory quote = quoteFor(modelId, "content", root, price);
        quote.seller = payee;
        quote.expiry = expiry;
        bytes32 digest = settlement.quoteDigest(quote);
        bytes memory oracleSignature = signed(ORACLE_KEY, digest);
        bytes memory sellerSignature = signed(SELLER_KEY, settlement.acceptanceDigest(digest, keyHash));
        (bool success,) = address(settlement)
            .call(abi.encodeCall(settlement.post, (terms, quote, oracleSignature, keyHash, sellerSignature)));
        assert(!success);
    }

    /// @notice Time gates: a key counts up to the deadline, a refund after it.
    function check_RevealAndRefundExcludeEachOther(uint32 elapsed) external {
        Order memory order = lock();
        VM.warp(START + elapsed);
        (bool revealed,) = address(settlement).call(abi.encodeCall(settlement.revealKey, (order, "key", "")));
        (bool refunded,) = address(settlement).call(abi.encodeCall(settlement.refund, (order)));
        assert(revealed == (elapsed <= REVEAL_WINDOW));
        assert(refunded == (elapsed > REVEAL_WINDOW));
    }

    /// @notice Time gates: nobody is paid before the dispute window is over. (After it, little gas may still refuse.)
    function check_FinalizeWaitsForTheDisputeWindow(uint32 elapsed) external {
        Order memory order = lock();
        settlement.revealKey(order, "key", "");
        VM.warp(START + elapsed);
        (bool finalized,) = address(settlement).call(abi.encodeCall(settlement.finalize, (order)));
        assert(!finalized || elapsed > DISPUTE_WINDOW);
    }

    /// @notice Digest binding: terms that differ from the posted ones move no money.
    function check_OnlyThePostedOrderIsRefunded(Order memory other) external {
        Order memory order = lock();
        VM.warp(START + REVEAL_WINDOW + 1);
        VM.assume(other.modelId == order.modelId && other.contentId == order.contentId);
        VM.assume(keccak256(abi.encode(other)) != keccak256(abi.encode(order)));
        (bool success,) = address(settlement).call(abi.encodeCall(settlement.refund, (other)));
        assert(!success);
        assert(statusOf(order) == Status.Locked);
    }
}
