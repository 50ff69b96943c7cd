// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ISettlement, ModelTerms, Status} from "contracts/interfaces/ISettlement.sol";
import {BurningWallet} from "contracts/mocks/Wallets.sol";
import {Log, VM} from "./Vm.sol";
import {Sale, Spec, Step} from "./Spec.sol";

/// @notice batch: many calls in one transaction. What somebody else did first is passed over; anything else refuses the
/// whole.
contract BatchTest is Spec {
    function batchCall(bytes[] memory calls) internal view returns (bytes memory) {
        return abi.encodeCall(settlement.batch, (calls));
    }

    function batchCall(bytes memory one) internal view returns (bytes memory) {
        bytes[] memory calls = new bytes[](1);
        calls[0] = one;
        return batchCall(calls);
    }

    function batchCall(bytes memory one, bytes memory other) internal view returns (bytes memory) {
        bytes[] memory calls = new bytes[](2);
        (calls[0], calls[1]) = (one, other);
        return batchCall(calls);
    }

    /// @notice `step` of every sale.
    function batchOf(Step step, Sale[] memory sales) internal view returns (bytes memory) {
        bytes[] memory calls = new bytes[](sales.length);
        for (uint256 i = 0; i < sales.length; i++) {
            calls[i] = stepCall(step, sales[i]);
        }
        return batchCall(calls);
    }

    /// @notice Locked orders of one model.
    function manyLocked(uint256 count) internal returns (Sale[] memory sales) {
        ModelTerms memory terms = opened();
        fund(terms, 10 ether);
        sales = new Sale[](count);
        for (uint256 i = 0; i < count; i++) {
            sales[i] = lock(agree(terms, bytes32(i)));
        }
    }

    function areIn(Sale[] memory sales, Status status) internal view {
        for (uint256 i = 0; i < sales.length; i++) {
            isIn(sales[i], status);
        }
    }

    function test_EveryCallIsMadeAsByItselfUpToSixtyFour() external {
        Sale[] memory sales = manyLocked(64);
        bytes memory reveal_ = batchOf(Step.RevealKey, sales);
        bytes memory finalize_ = batchOf(Step.Finalize, sales);
        uint256 before = seller.balance;
        VM.recordLogs();

        perform(stranger, reveal_);

        Log[] memory logs = VM.getRecordedLogs();
        equal(logs.length, 64);
        for (uint256 i = 0; i < 64; i++) {
            equal(logs[i].topics[0], ISettlement.KeyRevealed.selector);
            equal(logs[i].topics[1], sales[i].id);
        }
        areIn(sales, Status.Revealed);
        VM.warp(block.timestamp + DISPUTE_WINDOW + 1);
        perform(stranger, finalize_);
        areIn(sales, Status.Paid);
        equal(seller.balance, before + 64 * uint256(PRICE));
    }

    function test_SixtyFiveCallsAreTooMany() external {
        bytes memory expected = abi.encodeWithSelector(ISettlement.BatchTooLarge.selector, 65, 64);
        refuses(stranger, batchCall(new bytes[](65)), expected);
    }

    function test_AnEmptyBatchIsNoError() external {
        perform(stranger, batchCall(new bytes[](0)));
    }

    function test_OrdersArePostedTogether() external {
        ModelTerms memory terms = opened();
        (Sale memory one, Sale memory other) = (agree(terms, "one"), agree(terms, "other"));

        perform(stranger, batchCall(postCall(one), postCall(other)));

        isIn(one, Status.Locked);
        isIn(other, Status.Locked);
    }

    function test_TheCallsAreTheSendersOwn() external {
        Sale memory sale = locked();
        bytes memory call_ = batchCall(abi.encodeCall(settlement.settle, (sale.order, "")));

        refuses(stranger, call_, buyerSignatureInvalid());
        perform(buyer, call_);

        isIn(sale, Status.Paid);
    }

    function test_WhatSomebodyElseDidFirstIsPassedOver() external {
        Sale[] memory sales = manyLocked(3);
        reveal(sales[1]);
        VM.warp(START + 100);

        perform(seller, batchOf(Step.RevealKey, sales));

        areIn(sales, Status.Revealed);
        equal(deadlineOf(sales[1]), START + DISPUTE_WINDOW);
        equal(deadlineOf(sales[2]), START + 100 + DISPUTE_WINDOW);
        VM.warp(START + 101 + DISPUTE_WINDOW);
        perform(stranger, stepCall(Step.Finalize, sales[0]));
        uint256 before = seller.balance;
        perform(seller, batchOf(Step.Finalize, sales));
        areIn(sales, Status.Paid);
        equal(seller.balance, before + 2 * uint256(PRICE));
    }

    function test_APairThatSomebodyElsePostedIsPassedOver() external {
        ModelTerms memory terms = opened();
        Sale memory other = agree(terms, "other");
        Sale memory first = lock(agree(terms, "first"));

        perform(stranger, batchCall(postCall(first), postCall(other)));

        isIn(other, Status.Locked);
        equal(budgetOf(terms), 1 ether - 2 * uint256(PRICE));
    }

    function test_OrdersInEveryLaterStatusArePassedOver() external {
        Status[3] memory closed = [Status.Paid, Status.Disputed, Status.Refunded];
        Sale[] memory sales = manyLocked(3);
        for (uint256 i = 0; i < 3; i++) {
            bringTo(sales[i], closed[i]);
        }
        bytes memory calls = batchOf(Step.RevealKey, sales);
        VM.recordLogs();

        perform(stranger, calls);

        equal(VM.getRecordedLogs().length, 0);
        for (uint256 i = 0; i < 3; i++) {
            isIn(sales[i], closed[i]);
        }
    }

    function test_NothingHappensTwiceInOneBatch() external {
        Sale memory sale = locked();
        uint256 before = seller.balance;
        bytes memory call_ = stepCall(Step.Settle, sale);

        perform(stranger, batchCall(call_, call_));

        equal(seller.balance, before + PRICE);
    }

    function test_AnythingElseRefusesTheWholeWithItsOwnError() external {
        Sale[] memory sales = manyLocked(2);
        bytes memory good = stepCall(Step.RevealKey, sales[0]);
        sales[1].key = "wrong key";
        refuses(
            stranger,
            batchCall(good, stepCall(Step.RevealKey, sales[1])),
            abi.encodeWithSelector(ISettlement.KeyMismatch.selector, sales[1].id)
        );
        Sale memory never = agree(sales[0].terms, "never posted");
        refuses(
            stranger,
            batchCall(good, stepCall(Step.RevealKey, never)),
            abi.encodeWithSelector(ISettlement.OrderMismatch.selector, never.id)
        );
        refuses(stranger, batchCall(good, stepCall(Step.Refund, sales[1])), deadlineNotPassed(START + REVEAL_WINDOW));
        isIn(sales[0], Status.Locked);
    }

    /// @dev After a reorg a dispute may run before the reveal that it answers: it must not seem done.
    function test_AStepThatComesTooEarlyRefusesTheWhole() external {
        Sale memory sale = locked();
        bytes memory early = abi.encodeWithSelector(ISettlement.StatusMismatch.selector, sale.id, Status.Locked);

        refuses(stranger, batchCall(stepCall(Step.Dispute, sale)), early);
        refuses(stranger, batchCall(stepCall(Step.Finalize, sale)), early);
    }

    /// @dev Only the whole refusal counts, as this contract gives it: a foreign token may answer anything.
    function test_WhatOnlyBeginsLikeAPastStepRefusesTheWhole() external {
        bytes4[2] memory errors = [ISettlement.StatusMismatch.selector, ISettlement.PairUsed.selector];
        for (uint256 i = 0; i < 2; i++) {
            refusesAfter(abi.encodeWithSelector(errors[i]));
            refusesAfter(abi.encodeWithSelector(errors[i], bytes32("order")));
            refusesAfter(abi.encodeWithSelector(errors[i], bytes32("order"), Status.Paid, 0));
        }
        refusesAfter(abi.encodeWithSelector(ISettlement.ValueMismatch.selector, 2, 2));
    }

    function refusesAfter(bytes memory reason) private {
        Refusing token = new Refusing(reason);
        refuses(stranger, batchCall(abi.encodeCall(settlement.deposit, (address(token), 1))), reason);
    }

    function test_WhatIsNoCallRefusesTheWhole() external {
        refuses(stranger, batchCall(new bytes(4)), "");
        refuses(stranger, batchCall(""), "");
    }

    function test_MoneyCannotBeSentAlongAndCountedTwice() external {
        bytes memory call_ = abi.encodeCall(settlement.deposit, (NATIVE, 5));
        bytes memory expected = abi.encodeWithSelector(ISettlement.ValueMismatch.selector, 5, 0);

        refuses(seller, batchCall(call_, call_), expected);
        refuses(seller, 5, batchCall(call_, call_), "");

        equal(address(settlement).balance, 0);
    }

    function test_OneSellersRefusalHoldsUpNoOther() external {
        address wallet = address(new BurningWallet(seller));
        ModelTerms memory terms = opened();
        Sale memory burning = agree(terms, "burning");
        burning.quote.seller = wallet;
        relock(burning);
        lock(burning);
        Sale memory other = lock(agree(terms, "other"));
        uint256 before = seller.balance;

        perform(stranger, batchCall(stepCall(Step.Settle, burning), stepCall(Step.Settle, other)));

        equal(settlement.creditOf(NATIVE, wallet), PRICE);
        equal(seller.balance, before + PRICE);
    }
}

/// @notice Answers every call with the same refusal.
contract Refusing {
    bytes private reason;

    constructor(bytes memory reason_) {
        reason = reason_;
    }

    fallback() external {
        bytes memory answer = reason;
        assembly ("memory-safe") {
            revert(add(answer, 0x20), mload(answer))
        }
    }
}
