// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

import {ISettlement} from "../interfaces/ISettlement.sol";
import {NATIVE_TOKEN, PUSH_GAS, PUSH_RESERVE} from "./Constants.sol";

/// @title Payments into and out of the contract, in the native coin or in an ERC-20 token
library Payments {
    using SafeERC20 for IERC20;

    /// @dev Takes exactly `amount` from the caller. A token that delivers another amount is refused.
    // Its callers are payable; slither looks for them within the library.
    // slither-disable-next-line msg-value-in-nonpayable
    function pull(address token, uint256 amount) internal {
        if (amount == 0) revert ISettlement.ZeroAmount();
        if (token == NATIVE_TOKEN) {
            if (msg.value != amount) revert ISettlement.ValueMismatch(amount, msg.value);
            return;
        }
        if (msg.value != 0) revert ISettlement.ValueMismatch(0, msg.value);
        if (token.code.length == 0) revert ISettlement.TokenNotContract(token);

        uint256 balanceBefore = ownBalance(token);
        IERC20(token).safeTransferFrom(msg.sender, address(this), amount);
        uint256 balanceAfter = ownBalance(token);
        uint256 received = balanceAfter > balanceBefore ? balanceAfter - balanceBefore : 0;
        if (received != amount) revert ISettlement.TokenNotExact(token, amount, received);
    }

    /// @dev Pays `amount` to a receiver that the caller chose, with all the gas there is; reverts if the payment fails.
    function send(address token, address to, uint256 amount) internal {
        if (amount == 0) revert ISettlement.ZeroAmount();
        if (to == address(0)) revert ISettlement.ZeroAddress();
        if (!trySend(token, to, amount, gasleft())) revert ISettlement.TransferFailed(token, to, amount);
    }

    /// @dev Pays `amount` to a receiver that the caller did not choose, with at most `PUSH_GAS`; false if the payment
    /// failed. A receiver that reverts, consumes all its gas, answers with a return bomb or is refused by the token
    /// stops nobody else.
    function push(address token, address to, uint256 amount) internal returns (bool success) {
        // With less gas, the sender could make the payment fail, and a gas estimate could settle on a failing one.
        if (gasleft() < PUSH_RESERVE) revert ISettlement.GasTooLow(PUSH_RESERVE, gasleft());
        return trySend(token, to, amount, PUSH_GAS);
    }

    /// @dev Whether `amount` was paid with at most `gasLimit`. A token succeeds as `SafeERC20` has it: it returns true,
    /// or it returns nothing and has code. One word of the answer is copied, however long it is.
    function trySend(address token, address to, uint256 amount, uint256 gasLimit) private returns (bool success) {
        if (token == NATIVE_TOKEN) {
            assembly ("memory-safe") {
                success := call(gasLimit, to, amount, 0, 0, 0, 0)
            }
        } else {
            bytes memory call_ = abi.encodeCall(IERC20.transfer, (to, amount));
            uint256 returnSize;
            uint256 returnValue;
            assembly ("memory-safe") {
                success := call(gasLimit, token, 0, add(call_, 0x20), mload(call_), 0, 0x20)
                returnSize := returndatasize()
                returnValue := mload(0)
            }
            bool returnedTrue = returnSize > 31 && returnValue == 1;
            bool returnedNothing = returnSize == 0 && token.code.length > 0;
            success = success && (returnedTrue || returnedNothing);
        }
    }

    function ownBalance(address token) private view returns (uint256) {
        return IERC20(token).balanceOf(address(this));
    }
}
