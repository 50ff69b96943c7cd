// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

/// @title Signatures of keys (ECDSA) and of smart wallets (ERC-1271)
/// @dev Accepts what OpenZeppelin's `SignatureChecker` accepts, and the key of an account that has code (EIP-7702):
/// ECDSA comes first in any case. No more of a wallet's answer is copied than is read.
library Signatures {
    uint256 private constant ECDSA_BYTES = 65;

    /// @dev Whether `signature` is `signer`'s over `digest`.
    function isSigned(address signer, bytes32 digest, bytes calldata signature) internal view returns (bool) {
        return isSignedByKey(signer, digest, signature) || isSignedByWallet(signer, digest, signature);
    }

    /// @dev ECDSA over `r || s || v`. Malleable signatures (high `s`) are refused, as is the zero address, which
    /// `ecrecover` answers for an invalid signature.
    function isSignedByKey(address signer, bytes32 digest, bytes calldata signature) private pure returns (bool) {
        if (signature.length != ECDSA_BYTES || signer == address(0)) return false;
        (bytes32 r, bytes32 s, uint8 v) = (bytes32(signature[:32]), bytes32(signature[32:64]), uint8(signature[64]));
        // The other two values describe the fault.
        // slither-disable-next-line unused-return
        (address recovered,,) = ECDSA.tryRecover(digest, v, r, s);
        return recovered == signer;
    }

    /// @dev ERC-1271. Only an account with code is called: a precompile would consume all gas. One word of the answer
    /// is copied, however long it is.
    function isSignedByWallet(address signer, bytes32 digest, bytes calldata signature)
        private
        view
        returns (bool valid)
    {
        bytes memory call_ = abi.encodeCall(IERC1271.isValidSignature, (digest, signature));
        bytes32 magicValue = IERC1271.isValidSignature.selector;
        assembly ("memory-safe") {
            if extcodesize(signer) {
                valid := staticcall(gas(), signer, add(call_, 0x20), mload(call_), 0, 0x20)
                valid := and(valid, and(gt(returndatasize(), 0x1f), eq(mload(0), magicValue)))
            }
        }
    }
}
