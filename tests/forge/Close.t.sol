// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ISettlement, ModelTerms, Status} from "contracts/interfaces/ISettlement.sol";
import {Log, VM} from "./Vm.sol";
import {Sale, Spec, Step} from "./Spec.sol";

/// @notice The ways in which an order is closed by a signature or by time: settle, finalize, refund.
abstract contract CloseSpec is Spec {
    function lockedIn(address token, bool requireReceipt) internal returns (Sale memory) {
        ModelTerms memory terms = termsWith(BOND, requireReceipt);
        terms.token = token;
        return locked(terms);
    }

    /// @notice `step` pays price and bond to the seller and leaves nothing else behind.
    function pays(Sale memory sale, Step step) internal {
        address token = sale.order.token;
        bytes memory call_ = stepCall(step, sale);
        uint256 before = held(token, seller);
        uint256 amount = uint256(sale.order.price) + sale.order.sellerBond;
        uint256 senders = held(token, stranger);

        expectPaid(sale);
        perform(stranger, call_);

        equal(held(token, seller), before + amount);
        equal(held(token, stranger), senders);
        equal(settlement.creditOf(token, seller), 0);
        equal(budgetOf(sale.terms), 1 ether - PRICE);
        equal(held(token, address(settlement)), 1 ether - PRICE);
        isIn(sale, Status.Paid);
    }
}

/// @notice settle: the buyer's consent pays the seller at once, whether or not the key went on chain.
contract SettleTest is CloseSpec {
    function settleCall(Sale memory sale, bytes memory signature) internal view returns (bytes memory) {
        return abi.encodeCall(settlement.settle, (sale.order, signature));
    }

    function test_PaysTheSellerOfALockedOrderInEveryMoney() external {
        address[3] memory kinds = currencies();
        for (uint256 i = 0; i < kinds.length; i++) {
            pays(lockedIn(kinds[i], false), Step.Settle);
        }
    }

    function test_PaysTheSellerOfARevealedOrderBeforeTheDisputeWindowHasPassed() external {
        pays(revealed(), Step.Settle);
    }

    function test_ABuyerMayConsentAfterAllWindows() external {
        Sale memory sale = locked();
        VM.warp(START + 365 days);
        pays(sale, Step.Settle);
    }

    function test_ARequiredReceiptIsNotAskedForFromABuyerWhoConsents() external {
        pays(lockedIn(NATIVE, true), Step.Settle);
    }

    function test_NobodyButTheBuyerConsentsAndToNothingButThisOrder() external {
        Sale memory sale = locked();
        Sale memory other = agree(sale.terms, "other");
        bytes[5] memory others = [
            bytes(""),
            acknowledgement(sale, SELLER_KEY),
            acknowledgement(sale, ORACLE_KEY),
            acknowledgement(other, BUYER_KEY),
            receipt(sale, BUYER_KEY)
        ];
        address[3] memory senders = [seller, oracle, stranger];
        for (uint256 i = 0; i < others.length; i++) {
            refuses(senders[i % 3], settleCall(sale, others[i]), buyerSignatureInvalid());
        }
        isIn(sale, Status.Locked);
    }

    function test_ABuyerConsentsBySending() external {
        Sale memory sale = locked();
        perform(buyer, settleCall(sale, ""));
        isIn(sale, Status.Paid);
    }

    function test_WhatWasSignedForAnotherChainIsWorthNothingHere() external {
        Sale memory sale = locked();
        uint256 here = block.chainid;
        VM.chainId(here + 1);
        bytes memory signature = acknowledgement(sale, BUYER_KEY);
        VM.chainId(here);

        refuses(stranger, settleCall(sale, signature), buyerSignatureInvalid());
    }
}

/// @notice finalize: once the dispute window has passed in silence, the seller is paid.
contract FinalizeTest is CloseSpec {
    function test_PaysTheSellerTheSecondAfterTheWindowInEveryMoney() external {
        address[3] memory kinds = currencies();
        for (uint256 i = 0; i < kinds.length; i++) {
            Sale memory sale = reveal(lockedIn(kinds[i], i == 1));
            uint256 deadline = block.timestamp + DISPUTE_WINDOW;
            VM.warp(deadline);
            refuses(stranger, stepCall(Step.Finalize, sale), deadlineNotPassed(deadline));
            VM.warp(deadline + 1);

            pays(sale, Step.Finalize);
        }
    }

    function test_NobodyIsPaidAtOnce() external {
        Sale memory sale = revealed();
        refuses(buyer, stepCall(Step.Finalize, sale), deadlineNotPassed(START + DISPUTE_WINDOW));
        refuses(seller, stepCall(Step.Finalize, sale), deadlineNotPassed(START + DISPUTE_WINDOW));
    }
}

/// @notice refund: once the reveal window has passed in silence, the payment is the buyer's again.
contract RefundTest is CloseSpec {
    function refunds(Sale memory sale) internal {
        bytes memory call_ = stepCall(Step.Refund, sale);
        VM.warp(deadlineOf(sale) + 1);
        expectEvent();
        emit ISettlement.OrderRefunded(sale.id);
        perform(stranger, call_);
        isIn(sale, Status.Refunded);
    }

    function test_PriceAndBondGoToTheModelsBudgetInEveryMoney() external {
        address[3] memory kinds = currencies();
        for (uint256 i = 0; i < kinds.length; i++) {
            Sale memory sale = lockedIn(kinds[i], false);

            refunds(sale);

            equal(budgetOf(sale.terms), 1 ether + BOND);
            equal(settlement.creditOf(kinds[i], seller), 0);
            equal(settlement.creditOf(kinds[i], buyer), 0);
            equal(held(kinds[i], address(settlement)), 1 ether + BOND);
        }
    }

    function test_ASellerWhoMayHaveWaitedForTheReceiptKeepsItsBondInEveryMoney() external {
        address[3] memory kinds = currencies();
        for (uint256 i = 0; i < kinds.length; i++) {
            Sale memory sale = lockedIn(kinds[i], true);
            bytes memory call_ = stepCall(Step.Refund, sale);
            VM.warp(deadlineOf(sale) + 1);

            expectCredited(kinds[i], seller, BOND);
            perform(stranger, call_);

            equal(budgetOf(sale.terms), 1 ether);
            equal(settlement.creditOf(kinds[i], seller), BOND);
        }
    }

    function test_ABondOfOneUnitIsKeptToo() external {
        Sale memory sale = locked(termsWith(1, true));

        refunds(sale);

        equal(settlement.creditOf(NATIVE, seller), 1);
        equal(budgetOf(sale.terms), 1 ether);
    }

    function test_WhereThereIsNoBondNobodyIsCredited() external {
        Sale memory sale = locked(termsWith(0, true));
        bytes memory call_ = stepCall(Step.Refund, sale);
        VM.warp(deadlineOf(sale) + 1);
        VM.recordLogs();

        perform(stranger, call_);

        Log[] memory logs = VM.getRecordedLogs();
        equal(logs.length, 1);
        equal(logs[0].topics[0], ISettlement.OrderRefunded.selector);
        equal(budgetOf(sale.terms), 1 ether);
    }

    function test_TheLastSecondOfTheRevealWindowIsTooEarly() external {
        Sale memory sale = locked();
        bytes memory expected = deadlineNotPassed(START + REVEAL_WINDOW);
        refuses(buyer, stepCall(Step.Refund, sale), expected);
        VM.warp(START + REVEAL_WINDOW);
        refuses(buyer, stepCall(Step.Refund, sale), expected);

        refunds(sale);
    }

    function test_ABudgetThatIsFullSendsPriceAndBondToTheOwnersCredit() external {
        Sale memory sale = lockedIn(NATIVE, false);
        fillBudget(sale.terms);

        refunds(sale);

        equal(budgetOf(sale.terms), MAX_BUDGET);
        equal(settlement.creditOf(NATIVE, buyer), PRICE + BOND);
        equal(settlement.creditOf(NATIVE, seller), 0);
    }

    function test_ABudgetWithJustEnoughRoomTakesThemIn() external {
        Sale memory sale = lockedIn(NATIVE, false);
        fillBudget(sale.terms);
        perform(buyer, abi.encodeCall(settlement.withdraw, (sale.terms, PRICE + BOND, stranger)));

        refunds(sale);

        equal(budgetOf(sale.terms), MAX_BUDGET);
        equal(settlement.creditOf(NATIVE, buyer), 0);
    }

    function test_ABudgetWithOneUnitTooLittleRoomTakesNothingIn() external {
        Sale memory sale = lockedIn(NATIVE, true);
        fillBudget(sale.terms);
        perform(buyer, abi.encodeCall(settlement.withdraw, (sale.terms, PRICE - 1, stranger)));

        refunds(sale);

        equal(budgetOf(sale.terms), MAX_BUDGET - PRICE + 1);
        equal(settlement.creditOf(NATIVE, buyer), PRICE);
        equal(settlement.creditOf(NATIVE, seller), BOND);
    }
}
