// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ModelTerms, Order, Quote} from "contracts/interfaces/ISettlement.sol";
import {VM} from "./Vm.sol";
import {World} from "./World.sol";

/// @notice One small world in which a number chooses the next step: which, on which of three pairs, by whom, how late.
/// `step` answers with a digest of what happened, free of addresses and of everything that depends on them.
contract Scenario is World {
    uint256 internal constant PAIRS = 3;

    struct Pair {
        Order order;
        Sealed data;
        bytes32 lockedKey;
    }

    ModelTerms internal terms;
    bytes32 internal modelId;
    Pair[PAIRS] internal pairs;
    uint256 internal time = START;

    constructor() {
        setUpWorld();
        terms = termsWith(0.1 ether, false);
        terms.oracleBond = 1 ether;
        modelId = open(terms, 3 ether);
        VM.prank(seller);
        settlement.deposit{value: 0.2 ether}(address(0), 0.2 ether);
        settlementBondOracle();
        for (uint256 i = 0; i < PAIRS; i++) {
            Pair storage pair = pairs[i];
            pair.data = seal(abi.encode("record", i), bytes32(i + 1));
            pair.lockedKey = i == 1 ? bytes32("another key") : pair.data.key;
            bytes32 contentId = bytes32(i);
            Quote memory quote = quoteFor(modelId, contentId, pair.data.root, uint96(1 ether + i));
            pair.order = orderFor(terms, quote, keyHashOf(modelId, contentId, pair.lockedKey));
        }
    }

    function settlementBondOracle() private {
        VM.prank(seller);
        settlement.bondOracle{value: 1 ether}(terms, oracle, 1 ether);
    }

    function step(uint256 choice) external returns (bytes32) {
        time += (choice >> 16) % 4 == 0 ? (choice >> 24) % 3 hours : (choice >> 24) % 10 minutes;
        VM.warp(time);
        Pair storage pair = pairs[(choice >> 8) % PAIRS];
        bytes memory call_ = callFor(choice % 13, pair, uint96(1 + (choice >> 64) % 2 ether));
        VM.prank([buyer, seller, oracle, stranger][(choice >> 56) % 4]);
        (bool success,) = address(settlement).call(call_);
        return keccak256(abi.encode(success, stateOf(pair), moneyOf()));
    }

    function callFor(uint256 kind, Pair storage pair, uint96 amount) internal view returns (bytes memory) {
        Order memory order = pair.order;
        if (kind == 0 || kind == 1) return postOf(pair);
        if (kind == 2 || kind == 3) return abi.encodeCall(settlement.revealKey, (order, pair.lockedKey, ""));
        if (kind == 4) return abi.encodeCall(settlement.dispute, (order, pair.lockedKey, proofOf(pair.data)));
        if (kind == 5) return abi.encodeCall(settlement.finalize, (order));
        if (kind == 6) return abi.encodeCall(settlement.refund, (order));
        if (kind == 7) return abi.encodeCall(settlement.settle, (order, acknowledgement(order)));
        if (kind == 8) return abi.encodeCall(settlement.settle, (order, ""));
        if (kind == 9) return revealDataOf(pair);
        if (kind == 10) return abi.encodeCall(settlement.withdraw, (terms, amount, stranger));
        if (kind == 11) return abi.encodeCall(settlement.withdrawCredit, (address(0), amount / 10, stranger));
        return abi.encodeCall(settlement.finalizeBatch, (allOrders()));
    }

    function postOf(Pair storage pair) internal view returns (bytes memory) {
        Order memory order = pair.order;
        Quote memory quote = quoteFor(modelId, order.contentId, order.dataRoot, order.price);
        bytes32 digest = settlement.quoteDigest(quote);
        bytes memory consent = signed(SELLER_KEY, settlement.acceptanceDigest(digest, order.keyHash));
        return abi.encodeCall(settlement.post, (terms, quote, signed(ORACLE_KEY, digest), order.keyHash, consent));
    }

    function revealDataOf(Pair storage pair) internal view returns (bytes memory) {
        bytes32[] memory sealedDigests = new bytes32[](1);
        sealedDigests[0] = sha256(pair.data.chunk);
        return abi.encodeCall(settlement.revealData, (pair.order, CHUNK_SIZE, pair.data.plain, sealedDigests));
    }

    function allOrders() internal view returns (Order[] memory orders) {
        orders = new Order[](PAIRS);
        for (uint256 i = 0; i < PAIRS; i++) {
            orders[i] = pairs[i].order;
        }
    }

    function stateOf(Pair storage pair) internal view returns (bytes memory) {
        bytes32 id = settlement.orderIdOf(modelId, pair.order.contentId);
        (, uint256 deadline, uint256 digest) = settlement.orderState(id);
        return abi.encode(statusOf(pair.order), deadline, digest == 0);
    }

    function moneyOf() internal view returns (bytes memory) {
        (, uint256 budget,) = settlement.modelState(modelId);
        return abi.encode(
            budget,
            settlement.creditOf(address(0), seller),
            settlement.creditOf(address(0), buyer),
            address(settlement).balance
        );
    }
}
