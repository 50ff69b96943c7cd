// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @notice Calls another contract for whoever asks: with the data as they are, or with every bit of them turned.
contract Relay {
    function pass(address to, bytes calldata data) external {
        _call(to, data);
    }

    /// @notice What the other contract is told, this transaction's input does not show.
    function passTurned(address to, bytes calldata turned) external {
        bytes memory data = turned;
        for (uint256 i = 0; i < data.length; i++) {
            data[i] = ~data[i];
        }
        _call(to, data);
    }

    /// @notice Tries one call in vain before the other.
    function passSecond(address to, bytes calldata vain, bytes calldata data) external {
        (bool success,) = to.call(vain);
        require(!success, "expected the first call to fail");
        _call(to, data);
    }

    function _call(address to, bytes memory data) private {
        (bool success,) = to.call(data);
        require(success, "the call failed");
    }
}
