// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ISettlement, Status} from "contracts/interfaces/ISettlement.sol";
import {VM} from "./Vm.sol";
import {Sale, Spec, Step} from "./Spec.sol";

/// @notice revealKey: the seller's key opens the dispute window.
contract RevealKeyTest is Spec {
    function keyMismatch(Sale memory sale) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(ISettlement.KeyMismatch.selector, sale.id);
    }

    function reveals(address sender, Sale memory sale, bytes memory receipt_) internal {
        bytes memory call_ = revealCall(sale, receipt_);
        uint256 budget = budgetOf(sale.terms);
        expectRevealed(sale);
        perform(sender, call_);
        isIn(sale, Status.Revealed);
        equal(deadlineOf(sale), block.timestamp + sale.terms.disputeWindow);
        equal(budgetOf(sale.terms), budget);
    }

    function test_AnyoneBringsTheKey() external {
        reveals(stranger, locked(), "");
    }

    function test_TheLastSecondIsInTimeAndTheDisputeWindowIsWholeHoweverLate() external {
        Sale memory sale = locked();
        uint256 deadline = START + REVEAL_WINDOW;
        VM.warp(deadline + 1);
        refuses(stranger, revealCall(sale, ""), deadlinePassed(deadline));
        VM.warp(deadline);

        reveals(stranger, sale, "");

        equal(deadlineOf(sale), deadline + DISPUTE_WINDOW);
    }

    function test_NoOtherKeyOpensTheLock() external {
        Sale memory sale = locked();
        bytes32[5] memory others =
            [bytes32("another key"), 0, bytes32(type(uint256).max), sale.order.keyHash, ~sale.key];
        for (uint256 i = 0; i < others.length; i++) {
            sale.key = others[i];
            refuses(stranger, revealCall(sale, ""), keyMismatch(sale));
        }
    }

    function test_ALockMadeForAnotherOrderOpensForNoKey() external {
        Sale memory elsewhere = agree(opened(), "elsewhere");
        Sale memory here = agree(elsewhere.terms, "here");
        here.order.keyHash = elsewhere.order.keyHash;
        lock(here);

        refuses(stranger, revealCall(here, ""), keyMismatch(here));
    }

    function test_ARequiredReceiptIsTheBuyersOfThisOrder() external {
        Sale memory sale = locked(termsWith(0, true));
        Sale memory other = agree(sale.terms, "other");
        bytes[5] memory others = [
            bytes(""),
            receipt(sale, SELLER_KEY),
            receipt(sale, ORACLE_KEY),
            receipt(other, BUYER_KEY),
            acknowledgement(sale, BUYER_KEY)
        ];
        for (uint256 i = 0; i < others.length; i++) {
            refuses(seller, revealCall(sale, others[i]), buyerSignatureInvalid());
        }

        reveals(seller, sale, receipt(sale, BUYER_KEY));
    }

    function test_ABuyerWhoBringsTheKeyHasReceived() external {
        reveals(buyer, locked(termsWith(0, true)), "");
    }

    function test_AReceiptThatNobodyAskedForIsNotLookedAt() external {
        reveals(seller, locked(), "thanks");
    }

    function test_ABondStaysLocked() external {
        Sale memory sale = revealed(termsWith(BOND, false));
        equal(settlement.creditOf(NATIVE, seller), 0);
        equal(budgetOf(sale.terms), 1 ether - PRICE);
        equal(address(settlement).balance, 1 ether + BOND);
    }
}
