// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title Points of BN254 by the chain's precompiles (EIP-196, EIP-197)
/// @dev A precompile fails on numbers that are no point, and takes the gas that it was given. Every function then answers
/// false, and no point.
library Bn254 {
    /// @dev Modulus of coordinates.
    uint256 internal constant FIELD = 21888242871839275222246405745257275088696311157297823662689037894645226208583;
    /// @dev Order of G1.
    uint256 internal constant ORDER = 21888242871839275222246405745257275088548364400416034343698204186575808495617;

    struct Point {
        uint256 x;
        uint256 y;
    }

    /// @dev `sum += point`.
    function add(Point memory sum, Point memory point) internal view returns (bool valid) {
        uint256[4] memory input = [sum.x, sum.y, point.x, point.y];
        assembly ("memory-safe") {
            valid := staticcall(gas(), 6, input, 0x80, sum, 0x40)
        }
    }

    /// @dev `sum += scalar * point`.
    function addMultiple(Point memory sum, Point memory point, uint256 scalar) internal view returns (bool valid) {
        assembly ("memory-safe") {
            let free := mload(0x40)
            let product := add(free, 0x40)
            mstore(product, mload(point))
            mstore(add(free, 0x60), mload(add(point, 0x20)))
            mstore(add(product, 0x40), scalar)
            valid := staticcall(gas(), 7, product, 0x60, product, 0x40)
            if valid {
                mstore(free, mload(sum))
                mstore(add(free, 0x20), mload(add(sum, 0x20)))
                valid := staticcall(gas(), 6, free, 0x80, sum, 0x40)
            }
        }
    }

    /// @dev Whether the product of four pairings is 1, each of a point of G1 and one of G2.
    function isOne(uint256[24] memory pairs) internal view returns (bool valid) {
        assembly ("memory-safe") {
            valid := staticcall(gas(), 8, pairs, 0x300, 0, 0x20)
            valid := and(valid, eq(mload(0), 1))
        }
    }
}
