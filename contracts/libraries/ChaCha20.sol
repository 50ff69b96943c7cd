// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title ChaCha20 (RFC 8439) with a zero nonce
/// @dev Two blocks at a time. A row of the 4 x 4 state is one 256-bit word of eight 32-bit lanes: the row of block
/// `n` in the high half, of block `n + 1` in the low half, first column first.
/// Lanes are added by adding their low 31 bits, the highest bit is their carry xored in. They are rotated by shifting
/// the word both ways and selecting from each the bits that stayed in their lane.
library ChaCha20 {
    /// @dev "expand 32-byte k" in little-endian words, twice.
    uint256 private constant ROW_A = 0x617078653320646e79622d326b206574617078653320646e79622d326b206574;

    /// @dev The highest or lowest bits of every lane.
    uint256 private constant HIGH_1 = 0x8000000080000000800000008000000080000000800000008000000080000000;
    uint256 private constant LOW_31 = 0x7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff;
    uint256 private constant HIGH_16 = 0xffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000;
    uint256 private constant LOW_16 = 0x0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff;
    uint256 private constant HIGH_20 = 0xfffff000fffff000fffff000fffff000fffff000fffff000fffff000fffff000;
    uint256 private constant HIGH_24 = 0xffffff00ffffff00ffffff00ffffff00ffffff00ffffff00ffffff00ffffff00;
    uint256 private constant HIGH_25 = 0xffffff80ffffff80ffffff80ffffff80ffffff80ffffff80ffffff80ffffff80;

    /// @dev The first lanes of each half.
    uint256 private constant FIRST_1 = 0xffffffff000000000000000000000000ffffffff000000000000000000000000;
    uint256 private constant FIRST_2 = 0xffffffffffffffff0000000000000000ffffffffffffffff0000000000000000;
    uint256 private constant FIRST_3 = 0xffffffffffffffffffffffff00000000ffffffffffffffffffffffff00000000;

    uint256 private constant FIRST_HALF = 0xffffffffffffffffffffffffffffffff00000000000000000000000000000000;
    uint256 private constant LAST_HALF = 0x00000000000000000000000000000000ffffffffffffffffffffffffffffffff;
    uint256 private constant ODD_BYTES = 0x00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff;

    /// @dev `data` xored with the key stream that begins at block `counter`. Encrypts and decrypts.
    function applyKeyStream(bytes32 key, uint256 counter, bytes calldata data)
        internal
        pure
        returns (bytes memory result)
    {
        uint256 position;
        uint256 end;
        // The last stride of 128 bytes may write behind the data, into memory that is reserved here.
        assembly ("memory-safe") {
            result := mload(0x40)
            mstore(result, data.length)
            position := add(result, 0x20)
            end := add(position, data.length)
            calldatacopy(position, data.offset, data.length)
            mstore(0x40, add(position, and(add(data.length, 127), not(127))))
        }

        uint256 words = reverseLanes(uint256(key));
        uint256 rowB = (words & FIRST_HALF) | (words >> 128);
        uint256 rowC = (words << 128) | (words & LAST_HALF);
        unchecked {
            for (; position < end; position += 128) {
                uint256 rowD = (uint256(uint32(counter)) << 224) | (uint256(uint32(counter + 1)) << 96);
                xorTwoBlocks(rowB, rowC, rowD, position);
                counter += 2;
            }
        }
    }

    /// @dev Xors the 128 bytes of memory from `position` with two blocks of key stream.
    function xorTwoBlocks(uint256 rowB, uint256 rowC, uint256 rowD, uint256 position) private pure {
        uint256 a = ROW_A;
        (uint256 b, uint256 c, uint256 d) = (rowB, rowC, rowD);
        assembly ("memory-safe") {
            // Bits of `x` where `mask` has ones, of `y` elsewhere.
            function select(mask, x, y) -> z {
                z := xor(y, and(xor(x, y), mask))
            }
            // Never zero: not known to the optimizer, which would load the constant from code at each of its 24 uses.
            let low := or(LOW_31, iszero(position))
            for { let i := 0 } lt(i, 10) { i := add(i, 1) } {
                // Four columns of two blocks.
                a := xor(add(and(a, low), and(b, low)), and(xor(a, b), not(low)))
                d := xor(d, a)
                d := select(HIGH_16, shl(16, d), shr(16, d))
                c := xor(add(and(c, low), and(d, low)), and(xor(c, d), not(low)))
                b := xor(b, c)
                b := select(HIGH_20, shl(12, b), shr(20, b))
                a := xor(add(and(a, low), and(b, low)), and(xor(a, b), not(low)))
                d := xor(d, a)
                d := select(HIGH_24, shl(8, d), shr(24, d))
                c := xor(add(and(c, low), and(d, low)), and(xor(c, d), not(low)))
                b := xor(b, c)
                b := select(HIGH_25, shl(7, b), shr(25, b))
                // Lanes move so that the diagonals stand in columns, ...
                b := select(FIRST_3, shl(32, b), shr(96, b))
                c := select(FIRST_2, shl(64, c), shr(64, c))
                d := select(FIRST_1, shl(96, d), shr(32, d))
                a := xor(add(and(a, low), and(b, low)), and(xor(a, b), not(low)))
                d := xor(d, a)
                d := select(HIGH_16, shl(16, d), shr(16, d))
                c := xor(add(and(c, low), and(d, low)), and(xor(c, d), not(low)))
                b := xor(b, c)
                b := select(HIGH_20, shl(12, b), shr(20, b))
                a := xor(add(and(a, low), and(b, low)), and(xor(a, b), not(low)))
                d := xor(d, a)
                d := select(HIGH_24, shl(8, d), shr(24, d))
                c := xor(add(and(c, low), and(d, low)), and(xor(c, d), not(low)))
                b := xor(b, c)
                b := select(HIGH_25, shl(7, b), shr(25, b))
                // ... and back.
                b := select(FIRST_1, shl(96, b), shr(32, b))
                c := select(FIRST_2, shl(64, c), shr(64, c))
                d := select(FIRST_3, shl(32, d), shr(96, d))
            }
        }

        xorRows(position, addLanes(a, ROW_A), addLanes(b, rowB));
        unchecked {
            xorRows(position + 32, addLanes(c, rowC), addLanes(d, rowD));
        }
    }

    /// @dev Xors two rows of two blocks: one word of each.
    function xorRows(uint256 position, uint256 x, uint256 y) private pure {
        (x, y) = (reverseLanes(x), reverseLanes(y));
        xorWord(position, (x & FIRST_HALF) | (y >> 128));
        unchecked {
            xorWord(position + 64, (x << 128) | (y & LAST_HALF));
        }
    }

    function xorWord(uint256 position, uint256 word) private pure {
        assembly ("memory-safe") {
            mstore(position, xor(mload(position), word))
        }
    }

    function addLanes(uint256 x, uint256 y) private pure returns (uint256) {
        unchecked {
            return ((x & LOW_31) + (y & LOW_31)) ^ ((x ^ y) & HIGH_1);
        }
    }

    /// @dev Reverses the four bytes of every lane: RFC 8439 is little-endian.
    function reverseLanes(uint256 x) private pure returns (uint256) {
        x = ((x & ODD_BYTES) << 8) | ((x >> 8) & ODD_BYTES);
        return ((x & LOW_16) << 16) | ((x >> 16) & LOW_16);
    }
}
