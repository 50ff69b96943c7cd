// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ISettlement, ModelTerms, Status} from "contracts/interfaces/ISettlement.sol";
import {VM} from "./Vm.sol";
import {Sale, Spec, Step} from "./Spec.sol";

/// @notice What holds for every step of an order alike: which status allows it, and that it takes the order as posted.
contract OrdersTest is Spec {
    uint256 internal constant ORDER_WORDS = 11;

    function allows(Status status, Step step) internal pure returns (bool) {
        if (status == Status.Locked) return step != Step.Dispute && step != Step.Finalize;
        if (status == Status.Revealed) return step == Step.Dispute || step == Step.Settle || step == Step.Finalize;
        return false;
    }

    function test_EveryStatusAllowsItsStepsAndNoOthersAtWhateverTime() external {
        ModelTerms memory terms = opened();
        fund(terms, 3 ether);
        for (uint256 i = 0; i < 30; i++) {
            (Status status, Step step) = (Status(1 + i / 6), Step(i % 6));
            if (allows(status, step)) continue;
            Sale memory sale = lock(agree(terms, bytes32(i)));
            bringTo(sale, status);
            bytes memory call_ = stepCall(step, sale);
            uint256 time = block.timestamp;

            refuses(stranger, call_, statusMismatch(sale, status));
            VM.warp(time + 365 days);
            refuses(stranger, call_, statusMismatch(sale, status));
            isIn(sale, status);
            VM.warp(time);
        }
    }

    function test_EveryStepLeadsToItsStatus() external {
        Status[6] memory next =
            [Status.Revealed, Status.Paid, Status.Disputed, Status.Paid, Status.Paid, Status.Refunded];
        for (uint256 i = 0; i < 6; i++) {
            ModelTerms memory terms = termsWith(BOND, i % 2 == 0);
            terms.salt = bytes32(i);
            Sale memory sale = locked(terms);
            makeReady(sale, Step(i));

            perform(stranger, stepCall(Step(i), sale));

            (Status status, uint256 deadline, uint256 digest) = settlement.orderState(sale.id);
            equal(status, next[i]);
            equal(deadline, Step(i) == Step.RevealKey ? block.timestamp + DISPUTE_WINDOW : 0);
            equal(digest, uint208(uint256(digestOf(sale))));
        }
    }

    function test_AnOrderThatWasNeverPostedHasNoSteps() external {
        Sale memory sale = agree(opened());
        (Status status, uint256 deadline, uint256 digest) = settlement.orderState(sale.id);
        equal(status, Status.None);
        equal(deadline + digest, 0);
        for (uint256 i = 0; i < 6; i++) {
            refuses(
                stranger, stepCall(Step(i), sale), abi.encodeWithSelector(ISettlement.OrderMismatch.selector, sale.id)
            );
        }
    }

    /// @notice The lowest and the highest bit of every word of the order: values, and padding that should be zero.
    function test_AStepTakesTheOrderAsItWasPosted() external {
        Sale memory sale = locked();
        for (uint256 i = 0; i < 6; i++) {
            for (uint256 word = 0; word < ORDER_WORDS; word++) {
                refusesAltered(sale, Step(i), 4 + 32 * word, 0x80);
                refusesAltered(sale, Step(i), 4 + 32 * word + 31, 0x01);
            }
        }
        isIn(sale, Status.Locked);
    }

    function refusesAltered(Sale memory sale, Step step, uint256 position, bytes1 bit) internal {
        bytes memory call_ = stepCall(step, sale);
        call_[position] ^= bit;
        bytes32 modelId;
        bytes32 contentId;
        assembly ("memory-safe") {
            modelId := mload(add(call_, 0x24))
            contentId := mload(add(call_, 0x44))
        }
        bytes32 id = settlement.orderIdOf(modelId, contentId);
        refuses(stranger, call_, abi.encodeWithSelector(ISettlement.OrderMismatch.selector, id));
    }

    function test_OrderIdsNameModelAndContent() external view {
        (bytes32 model, bytes32 content) = ("model", "content");
        equal(settlement.orderIdOf(model, content), keccak256(bytes.concat(model, content)));
    }
}
