// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Status} from "../interfaces/ISettlement.sol";

/// @dev The storage slot of an order: `status << 248 | deadline << 208 | low 208 bits of the order's digest`. Zero for
/// a pair without an order.
type OrderState is uint256;

using OrderStateLibrary for OrderState global;

/// @title Packing and reading of an order's storage slot
library OrderStateLibrary {
    uint256 private constant STATUS_SHIFT = 248;
    uint256 private constant DEADLINE_SHIFT = 208;

    /// @dev `deadline` must fit 40 bits: it is not checked.
    function pack(Status status, uint256 deadline, bytes32 digest) internal pure returns (OrderState) {
        return
            OrderState.wrap((uint256(status) << STATUS_SHIFT) | (deadline << DEADLINE_SHIFT) | uint208(uint256(digest)));
    }

    function statusOf(OrderState state) internal pure returns (Status) {
        return Status(OrderState.unwrap(state) >> STATUS_SHIFT);
    }

    function hasStatus(OrderState state, Status status) internal pure returns (bool) {
        return OrderState.unwrap(state) >> STATUS_SHIFT == uint256(status);
    }

    function deadlineOf(OrderState state) internal pure returns (uint256) {
        return uint40(OrderState.unwrap(state) >> DEADLINE_SHIFT);
    }

    /// @dev The low 208 bits of the order's digest.
    function storedDigest(OrderState state) internal pure returns (uint256) {
        return uint208(OrderState.unwrap(state));
    }

    /// @dev Whether the slot holds the low 208 bits of `digest`.
    function matches(OrderState state, bytes32 digest) internal pure returns (bool) {
        return storedDigest(state) == uint208(uint256(digest));
    }
}
