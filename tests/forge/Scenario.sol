// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ModelTerms, Order, Quote, Status} from "contracts/interfaces/ISettlement.sol";
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

    constructor(bool requireReceipt) {
        setUpWorld();
        VM.deal(oracle, 1000 ether);
        VM.deal(stranger, 1000 ether);
        terms = termsWith(0.1 ether, requireReceipt);
        terms.oracleBond = 1 ether;
        modelId = open(terms, 3 ether);
        VM.prank(seller);
        settlement.deposit{value: 0.2 ether}(address(0), 0.2 ether);
        VM.prank(seller);
        settlement.bondOracle{value: 1 ether}(terms, oracle, 1 ether);
        for (uint256 i = 0; i < PAIRS; i++) {
            Pair storage pair = pairs[i];
            pair.data = seal(abi.encode("record", i), bytes32(i + 1));
            pair.lockedKey = i == 1 ? bytes32("another key") : pair.data.key;
            bytes32 contentId = bytes32(i);
            Quote memory quote = quoteFor(modelId, contentId, pair.data.root, uint96(1 ether + i));
            pair.order = orderFor(terms, quote, keyHashOf(modelId, contentId, pair.lockedKey));
        }
    }

    function step(uint256 choice) external returns (bytes32) {
        time += lapse((choice >> 16) % 16, choice >> 24);
        VM.warp(time);
        Pair storage pair = pairs[(choice >> 8) % PAIRS];
        uint96 amount = uint96((choice >> 64) % 2 ether);
        uint256 kind = choice % 24;
        bytes memory call_ = kind < 16 ? saleCall(kind, pair, amount) : modelCall(kind, amount);
        uint256 value = kind > 19 && (choice >> 192) % 8 != 0 ? amount : 0;
        VM.prank([buyer, seller, oracle, stranger][(choice >> 56) % 4]);
        (bool success,) = address(settlement).call{value: value}(call_);
        return keccak256(abi.encode(success, stateOf(pair), modelNow(), moneyOf()));
    }

    /// @dev Mostly minutes, now and then hours, rarely days.
    function lapse(uint256 kind, uint256 seed) private pure returns (uint256) {
        if (kind == 0) return seed % 10 days;
        return kind < 5 ? seed % 3 hours : seed % 10 minutes;
    }

    function saleCall(uint256 kind, Pair storage pair, uint96 amount) internal view returns (bytes memory) {
        Order memory order = pair.order;
        if (kind < 4) {
            return postOf(pair, kind == 0 ? (amount % 2 == 0 ? 0 : 11 ether) : uint96(order.price), kind == 1);
        }
        if (kind == 4) return abi.encodeCall(settlement.revealKey, (order, pair.lockedKey, receipt(order)));
        if (kind == 5) return abi.encodeCall(settlement.revealKey, (order, pair.lockedKey, ""));
        if (kind == 6) return abi.encodeCall(settlement.revealKey, (order, bytes32(uint256(amount)), receipt(order)));
        if (kind == 7 || kind == 8) {
            return abi.encodeCall(settlement.dispute, (order, pair.lockedKey, proofOf(pair.data)));
        }
        if (kind == 9) return abi.encodeCall(settlement.finalize, (order));
        if (kind == 10) return abi.encodeCall(settlement.refund, (order));
        if (kind == 11) return abi.encodeCall(settlement.settle, (order, acknowledgement(order)));
        if (kind == 12) return abi.encodeCall(settlement.settle, (order, ""));
        if (kind == 13) return revealDataOf(pair);
        return abi.encodeCall(settlement.batch, (kind == 14 ? finalizeAll() : revealAll()));
    }

    function modelCall(uint256 kind, uint96 amount) internal view returns (bytes memory) {
        if (kind == 16) return abi.encodeCall(settlement.withdraw, (terms, amount, stranger));
        if (kind == 17) return abi.encodeCall(settlement.withdrawCredit, (address(0), amount / 10, stranger));
        if (kind == 18) return oracleCall(amount);
        if (kind == 19) return equivocation(amount);
        if (kind == 20) return abi.encodeCall(settlement.fund, (terms, amount));
        if (kind == 21) return abi.encodeCall(settlement.deposit, (address(0), amount));
        if (kind == 22) return abi.encodeCall(settlement.bondOracle, (terms, oracle, amount));
        ModelTerms memory others = terms;
        others.salt = bytes32(uint256(1));
        (others.revealWindow, others.disputeWindow) = (uint32(amount % 40 days), uint32((amount >> 24) % 40 days));
        return abi.encodeCall(settlement.registerModel, (others, [oracle, address(0), address(1)][amount % 3]));
    }

    function oracleCall(uint96 amount) internal view returns (bytes memory) {
        if (amount % 4 == 0) return abi.encodeCall(settlement.requestOracleBondExit, (modelId));
        if (amount % 4 == 1) return abi.encodeCall(settlement.withdrawOracleBond, (terms));
        address next = [oracle, address(0), seller][(amount / 4) % 3];
        return abi.encodeCall(settlement.setOracle, (terms, next));
    }

    function equivocation(uint96 amount) internal view returns (bytes memory) {
        Quote memory first = quoteFor(modelId, "content", "root", 1 ether);
        Quote memory second = quoteFor(modelId, "content", "root", amount % 2 == 0 ? 1 ether : 2 ether);
        if (amount % 16 == 8) second.contentId = "other content";
        if (amount % 16 == 4) second.seller = stranger;
        bytes memory signature = signed(amount % 16 == 1 ? SELLER_KEY : ORACLE_KEY, settlement.quoteDigest(first));
        bytes memory other = signed(ORACLE_KEY, settlement.quoteDigest(second));
        return abi.encodeCall(settlement.reportEquivocation, (terms, oracle, [first, second], [signature, other]));
    }

    function postOf(Pair storage pair, uint96 price, bool isBySeller) internal view returns (bytes memory) {
        Order memory order = pair.order;
        Quote memory quote = quoteFor(modelId, order.contentId, order.dataRoot, price);
        bytes32 digest = settlement.quoteDigest(quote);
        bytes memory consent = signed(SELLER_KEY, settlement.acceptanceDigest(digest, order.keyHash));
        if (isBySeller) consent = "";
        return abi.encodeCall(settlement.post, (terms, quote, signed(ORACLE_KEY, digest), order.keyHash, consent));
    }

    function revealDataOf(Pair storage pair) internal view returns (bytes memory) {
        bytes32[] memory sealedDigests = new bytes32[](1);
        sealedDigests[0] = sha256(pair.data.chunk);
        return abi.encodeCall(settlement.revealData, (pair.order, CHUNK_SIZE, pair.data.plain, sealedDigests));
    }

    function revealAll() internal view returns (bytes[] memory calls) {
        calls = new bytes[](PAIRS);
        for (uint256 i = 0; i < PAIRS; i++) {
            Pair storage pair = pairs[i];
            calls[i] = abi.encodeCall(settlement.revealKey, (pair.order, pair.lockedKey, receipt(pair.order)));
        }
    }

    function finalizeAll() internal view returns (bytes[] memory calls) {
        calls = new bytes[](PAIRS);
        for (uint256 i = 0; i < PAIRS; i++) {
            calls[i] = abi.encodeCall(settlement.finalize, (pairs[i].order));
        }
    }

    function receipt(Order memory order) internal view returns (bytes memory) {
        return signed(BUYER_KEY, settlement.receiptDigest(keccak256(abi.encode(order))));
    }

    /// @notice Whether the contract holds what it owes: budget, credits, bond, and price and bond of every open order.
    function isSolvent() external view returns (bool) {
        (, uint256 owed,) = settlement.modelState(modelId);
        (uint256 bond,,) = settlement.oracleState(modelId, oracle);
        owed += bond;
        owed += settlement.creditOf(address(0), seller) + settlement.creditOf(address(0), buyer);
        owed += settlement.creditOf(address(0), oracle) + settlement.creditOf(address(0), stranger);
        for (uint256 i = 0; i < PAIRS; i++) {
            Status status = statusOf(pairs[i].order);
            bool open_ = status == Status.Locked || status == Status.Revealed;
            if (open_) owed += pairs[i].order.price + pairs[i].order.sellerBond;
        }
        return address(settlement).balance == owed;
    }

    function stateOf(Pair storage pair) internal view returns (bytes memory) {
        bytes32 id = settlement.orderIdOf(modelId, pair.order.contentId);
        (, uint256 deadline, uint256 digest) = settlement.orderState(id);
        return abi.encode(statusOf(pair.order), deadline, digest == 0);
    }

    function modelNow() internal view returns (bytes memory) {
        (address current,, bool registered) = settlement.modelState(modelId);
        (uint256 bond, uint256 unlocksAt, bool revoked) = settlement.oracleState(modelId, oracle);
        return abi.encode(current, registered, bond, unlocksAt, revoked);
    }

    function moneyOf() internal view returns (bytes memory) {
        (, uint256 budget,) = settlement.modelState(modelId);
        return abi.encode(
            budget,
            settlement.creditOf(address(0), seller),
            settlement.creditOf(address(0), buyer),
            settlement.creditOf(address(0), oracle),
            address(settlement).balance
        );
    }
}
